"""Makes the database ready for a start; the version of the engine's own tables, refused if it is newer than the library's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa
from dbos import _migration as dbos_migration

from bot.errors import ConfigError, Fault
from bot.store import identity
from bot.store.migrations import upgrade
from runners.concurrency import run_blocking

if TYPE_CHECKING:
    from pathlib import Path

    from bot.store.database import Store

PREPARED_WITHIN = 1_800.0  # seconds: a large SQLite file is read as a whole, and an upgrade may change every row
TABLE = "dbos_migrations"


@dataclass(frozen=True, slots=True)
class EngineSchema:
    """Versions of the engine's tables: `present` in the database (0 without them), `supported` by the library."""

    present: int
    supported: int

    @property
    def pending(self) -> bool:
        """Whether the next start upgrades them."""
        return self.present < self.supported


def supported_schema(dialect: str) -> int:
    """The newest version of the engine's own tables that this version works with. DBOS goes on with a newer one."""
    if dialect == "sqlite":
        return len(dbos_migration.sqlite_migrations)
    return len(dbos_migration.get_dbos_migrations("dbos", use_listen_notify=True, is_cockroach=False))


def engine_schema(connection: sa.Connection) -> EngineSchema:
    """The versions of the engine's tables."""
    schema = None if connection.dialect.name == "sqlite" else "dbos"
    present = 0
    if sa.inspect(connection).has_table(TABLE, schema=schema):
        version = sa.select(sa.func.max(sa.table(TABLE, sa.column("version"), schema=schema).c.version))
        present = int(connection.scalar(version) or 0)
    return EngineSchema(present, supported_schema(connection.dialect.name))


def refuse_newer(connection: sa.Connection, location: str) -> EngineSchema:
    """The versions. Raises ConfigError if a newer engine upgraded the tables: nobody knows what this one does there."""
    versions = engine_schema(connection)
    if versions.present > versions.supported:
        problem = (
            f"the engine's tables in {location} are at version {versions.present}, of a newer Signalbox; "
            f"this one works with {versions.supported}. Start the newer program, or restore a backup from before the upgrade"
        )
        raise ConfigError("environment", (Fault(None, "DATABASE_URL", problem),))
    return versions


async def prepare(store: Store, workplace: Path) -> str:
    """Check the database, upgrade its tables, and return its identity.

    Raises ConfigError for a database that does not fit this directory or this version, SQLAlchemyError, TimedOutError.
    """
    return await run_blocking(_prepare, store, workplace, timeout=PREPARED_WITHIN, doing="preparing the database")


def _prepare(store: Store, workplace: Path) -> str:
    identity.check(store, workplace, starts=True)
    with store.engine.begin() as connection:
        refuse_newer(connection, store.location)
        upgrade(connection, store.location)
    return identity.claim(store, workplace)
