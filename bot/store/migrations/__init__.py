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

if TYPE_CHECKING:
    from bot.store.database import Store

log = logging.getLogger(__name__)
REVISION = "0006"
VERSION_TABLE = "signalbox_revision"
PREFIX = "signalbox_"  # of every table of Signalbox
# PostgreSQL's advisory lock for migrations: a constant that nothing else in this database uses.
LOCK = 5_146_100_732


async def migrate(store: Store) -> None:
    """Bring the database to REVISION; several processes may do so at once. Raises ConfigError, DatabaseAwayError."""
    await store.run(lambda connection: upgrade(connection, store.location), doing="preparing the database")


def revision_of(connection: sa.Connection) -> str | None:
    """The revision of the tables in this database; None when it has none."""
    if not sa.inspect(connection).has_table(VERSION_TABLE):
        return None
    revision: str | None = connection.scalar(sa.text(f"SELECT version_num FROM {VERSION_TABLE}"))  # noqa: S608  -- a constant
    return revision


def upgrade(connection: sa.Connection, location: str) -> None:
    """Bring the tables to REVISION within the caller's transaction. `location` names the database in errors.

    Raises ConfigError for a database that this program cannot upgrade.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(LOCK)))
    present = revision_of(connection)
    if present == REVISION:
        return  # most starts: without the import of alembic, which takes 0.2 s
    if present is None and any(name.startswith(PREFIX) for name in sa.inspect(connection).get_table_names()):
        older = f"{location} has tables of a Signalbox before its first release, which cannot be upgraded"
        raise _refusal(f"{older}. Move that database away, or name an empty one")
    if present is not None and present > REVISION:
        newer = f"{location} is at revision {present}, of a newer Signalbox; this one works with {REVISION}"
        raise _refusal(f"{newer}. Start the newer program, or restore a backup from before the upgrade")
    _run_alembic(connection)
    log.info("upgraded %s from revision %s to %s", location, present or "none", REVISION)


def _run_alembic(connection: sa.Connection) -> None:
    from alembic import command  # noqa: PLC0415  -- see upgrade()
    from alembic.config import Config  # noqa: PLC0415

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    command.upgrade(config, "head")


def _refusal(problem: str) -> ConfigError:
    return ConfigError("environment", (Fault(None, "DATABASE_URL", problem),))
