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

import bot.store
from bot.errors import ConfigError
from bot.store import migrations
from bot.store.database import Store, metadata
from bot.store.migrations import REVISION, VERSION_TABLE, migrate, revision_of

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
