"""Migrations: the tables that they make are the tables of the code; a database that does not fit is refused."""

from __future__ import annotations

import asyncio
import importlib
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from hypothesis import HealthCheck, given, settings, strategies as st

import bot.store
from bot.engine.engine import Engine, EngineSettings
from bot.engine.schema import engine_schema, refuse_newer, supported_schema
from bot.errors import ConfigError, DatabaseAwayError
from bot.seals import Keyring, new_key
from bot.store import migrations
from bot.store.database import Store, metadata
from bot.store.migrations import REVISION, VERSION_TABLE, migrate, revision_of
from bot.store.operations import Operations
from tests.migrated import migrated

ROOT = Path(__file__).parents[4]
MIGRATE = """
import asyncio, sys
from bot.store.database import Store
from bot.store.migrations import migrate
asyncio.run(migrate(Store(sys.argv[1])))
"""

for module in pkgutil.iter_modules(bot.store.__path__, "bot.store."):
    importlib.import_module(module.name)  # each defines its tables


async def change(store: Store, statement: str) -> None:
    await store.run(lambda connection: connection.exec_driver_sql(statement))


async def test_the_tables_of_the_code_and_of_the_migrations_are_the_same(store: Store) -> None:
    def work(connection: sa.Connection) -> list[object]:
        options = {"version_table": VERSION_TABLE, "compare_type": True, "compare_server_default": True}
        return list(compare_metadata(MigrationContext.configure(connection, opts=options), metadata))

    assert await store.run(work) == []
    assert await store.run(revision_of) == REVISION


def test_the_revision_that_needs_no_upgrade_is_the_newest() -> None:
    script = ScriptDirectory(str(Path(migrations.__file__).parent))
    assert script.get_heads() == [REVISION]
    assert [step.revision for step in script.walk_revisions()] == sorted(
        (step.revision for step in script.walk_revisions()), reverse=True
    )


async def test_several_processes_may_start_at_once(url: str) -> None:
    started = [subprocess.Popen([sys.executable, "-c", MIGRATE, url], cwd=ROOT) for _ in range(3)]  # noqa: ASYNC220
    stores = [Store(url) for _ in range(6)]
    await asyncio.gather(*(migrate(store) for store in stores))
    assert [process.wait() for process in started] == [0, 0, 0]
    assert set(sa.inspect(stores[0].engine).get_table_names()) == {*metadata.tables, VERSION_TABLE}
    for store in stores:
        store.close()


async def test_a_second_start_changes_nothing_and_does_without_alembic(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrations, "_run_alembic", pytest.fail)
    await migrate(store)


async def test_a_database_of_a_newer_program_is_refused(store: Store) -> None:
    await change(store, f"UPDATE {VERSION_TABLE} SET version_num = '0999'")  # noqa: S608  -- a constant
    with pytest.raises(ConfigError, match=f"at revision 0999, of a newer Signalbox; this one works with {REVISION}"):
        await migrate(store)
    assert await store.run(revision_of) == "0999"


async def test_a_database_from_before_the_first_release_is_refused(store: Store) -> None:
    await change(store, f"DROP TABLE {VERSION_TABLE}")
    with pytest.raises(ConfigError, match=r"DATABASE_URL: .* has tables of a Signalbox before its first release"):
        await migrate(store)


async def test_an_upgrade_that_fails_leaves_the_database_as_it_was(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    run = migrations._run_alembic

    def fail(connection: sa.Connection) -> None:
        run(connection)
        raise ZeroDivisionError

    monkeypatch.setattr(migrations, "_run_alembic", fail)
    store = Store(url)
    with pytest.raises(ZeroDivisionError):
        await migrate(store)
    assert sa.inspect(store.engine).get_table_names() == []
    store.close()


@pytest.mark.parametrize("revision", ["0999", "0001b", "abcdef", ""])
async def test_a_revision_that_this_version_does_not_know_is_refused(store: Store, revision: str) -> None:
    await change(store, f"UPDATE {VERSION_TABLE} SET version_num = '{revision}'")  # noqa: S608  -- constants
    with pytest.raises(ConfigError, match=f"at revision {revision}, of a newer Signalbox"):
        await migrate(store)


@given(st.data())
@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_column_that_was_renamed_is_refused_in_words(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    url = f"sqlite:///{tmp_path_factory.mktemp('renamed')}/signalbox.sqlite"
    table = data.draw(st.sampled_from([table for table in metadata.sorted_tables if table.name != "signalbox_audit"]))
    column = data.draw(st.sampled_from(list(table.columns)))

    async def go() -> str:
        store = await migrated(url)
        await change(store, f'ALTER TABLE {table.name} RENAME COLUMN "{column.name}" TO newer_name')
        with pytest.raises(ConfigError) as refused:
            await migrate(store)
        store.close()
        return str(refused.value)

    assert f"is at revision {REVISION}, but its table {table.name} has no {column.name}: " in asyncio.run(go())


async def test_a_column_that_a_newer_version_renames_meanwhile_is_said_in_words(store: Store) -> None:
    await change(store, "ALTER TABLE signalbox_operations RENAME COLUMN activity TO newer_name")
    with pytest.raises(DatabaseAwayError, match="tables are not those of this version") as away:
        await Operations(store, lambda: 1.0).recent(1)
    assert "SELECT" not in str(away.value)


async def test_the_engines_tables_of_a_newer_version_are_refused(store: Store) -> None:
    supported = supported_schema(store.engine.dialect.name)
    schema = "" if store.file else "dbos."
    if schema:
        await change(store, "CREATE SCHEMA dbos")
    await change(store, f"CREATE TABLE {schema}dbos_migrations (version INTEGER)")
    for version in (1, supported):
        await change(store, f"DELETE FROM {schema}dbos_migrations")  # noqa: S608  -- a constant
        await change(store, f"INSERT INTO {schema}dbos_migrations VALUES ({version})")  # noqa: S608  -- as above
        versions = await store.run(lambda connection: refuse_newer(connection, store.location))
        assert (versions.present, versions.pending) == (version, version < supported)
    await change(store, f"UPDATE {schema}dbos_migrations SET version = {supported + 50}")  # noqa: S608  -- as above
    words = f"tables in .* are at version {supported + 50}, of a newer Signalbox; this one works with {supported}"
    with pytest.raises(ConfigError, match=words):
        await store.run(lambda connection: refuse_newer(connection, store.location))


async def test_the_supported_version_is_the_one_that_the_engine_makes(url: str) -> None:
    engine = Engine(EngineSettings(url, "test", Keyring.read(new_key())))
    try:
        await engine.launch()
        store = Store(url)
        assert not (await store.run(engine_schema)).pending
        assert (await store.run(engine_schema)).present == supported_schema(store.engine.dialect.name)
        store.close()
    finally:
        engine.destroy()
