"""Migrations: bring a database's tables to the revision that this program works with. Alembic runs the steps.

To change a table: change it in its file of bot/store, add versions/revision_NNNN.py with the steps from the revision
before, and raise REVISION. tests/unit/bot/store/test_migrations.py fails until the two agree.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa

from bot.errors import ConfigError, Fault
from bot.store.database import metadata

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy.engine.interfaces import ReflectedColumn

    from bot.store.database import Store

log = logging.getLogger(__name__)
REVISION = "0018"
VERSION_TABLE = "signalbox_revision"
PREFIX = "signalbox_"  # of every table of Signalbox
# PostgreSQL's advisory lock for migrations: a constant that nothing else in this database uses.
LOCK = 5_146_100_732


async def migrate(store: Store) -> str | None:
    """Bring the database to REVISION, and return the revision before; several processes may do so at once.

    Raises ConfigError, DatabaseAwayError.
    """
    return await store.run(lambda connection: upgrade(connection, store.location), doing="preparing the database")


def revision_of(connection: sa.Connection) -> str | None:
    """The revision of the tables in this database; None when it has none."""
    if not sa.inspect(connection).has_table(VERSION_TABLE):
        return None
    revision: str | None = connection.scalar(sa.text(f"SELECT version_num FROM {VERSION_TABLE}"))  # noqa: S608  -- a constant
    return revision


def upgrade(connection: sa.Connection, location: str) -> str | None:
    """Bring the tables to REVISION within the caller's transaction, and return the revision before.

    `location` names the database in errors. Raises ConfigError for a database that this program cannot upgrade.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(LOCK)))
    present = refuse_unusable(connection, location)
    if present != REVISION:  # most starts do without the import of alembic, which takes 0.2 s
        _run_alembic(connection)
        log.info("upgraded %s from revision %s to %s", location, present or "none", REVISION)
        _check_columns(connection, location)
    return present


def refuse_unusable(connection: sa.Connection, location: str) -> str | None:
    """The revision of the tables; None for an empty database. Raises ConfigError for tables of another version."""
    present = revision_of(connection)
    if present is None and has_tables(connection):
        older = f"{location} has tables of a Signalbox before its first release, which cannot be upgraded"
        raise _refusal(f"{older}. Move that database away, or name an empty one")
    if present is not None and present not in _revisions():
        newer = f"{location} is at revision {present}, of a newer Signalbox; this one works with {REVISION}"
        raise _refusal(f"{newer}. Start the newer program, or restore a backup from before the upgrade")
    if present == REVISION:
        _check_columns(connection, location)
    return present


def has_tables(connection: sa.Connection) -> bool:
    """Whether the database has any table of Signalbox."""
    return any(name.startswith(PREFIX) for name in sa.inspect(connection).get_table_names())


def _check_columns(connection: sa.Connection, location: str) -> None:
    """Raises ConfigError where a table lacks a column that this version uses, whatever the revision says."""
    present = {name: {each["name"] for each in columns} for (_, name), columns in _columns(connection)}
    for table in metadata.sorted_tables:
        missing = [column.name for column in table.columns if column.name not in present.get(table.name, ())]
        if missing:
            lacking = f"{location} is at revision {REVISION}, but its table {table.name} has no {', '.join(missing)}"
            raise _refusal(
                f"{lacking}: another version of Signalbox, or somebody, changed it. Start the version that changed it, "
                "or restore a backup from before"
            )


def _columns(connection: sa.Connection) -> Iterable[tuple[tuple[str | None, str], Iterable[ReflectedColumn]]]:
    return sa.inspect(connection).get_multi_columns(filter_names=list(metadata.tables)).items()


def _revisions() -> set[str]:
    names = (path.stem for path in (Path(__file__).parent / "versions").glob("revision_*.py"))
    return {name.removeprefix("revision_") for name in names}


def _run_alembic(connection: sa.Connection) -> None:
    from alembic import command  # noqa: PLC0415  -- see upgrade()
    from alembic.config import Config  # noqa: PLC0415

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    command.upgrade(config, "head")


def _refusal(problem: str) -> ConfigError:
    return ConfigError("environment", (Fault(None, "DATABASE_URL", problem),))
