"""Signalbox's own tables, beside the durable engine's, in the same database: SQLite by default, else PostgreSQL."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from bot.errors import DatabaseAwayError
from bot.store import outage
from runners.concurrency import run_blocking
from runners.errors import TimedOutError, on_one_line

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")
TIMEOUT = 30.0
# PostgreSQL's advisory lock for making the tables: any constant that nothing else in this database uses.
LOCK = 5_146_100_732

tables = sa.MetaData()

operations = sa.Table(
    "signalbox_operations",
    tables,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("key", sa.String(80), unique=True, nullable=False),  # of the request that began it: one operation each
    sa.Column("kind", sa.String(40), nullable=False),
    sa.Column("environment", sa.String(80), nullable=False),
    sa.Column("requester", sa.String(40), nullable=False),
    sa.Column("title", sa.String(200), nullable=False),
    sa.Column("arguments", sa.JSON, nullable=False),
    sa.Column("channel", sa.String(40), nullable=False),
    sa.Column("message_ts", sa.String(40)),
    sa.Column("status", sa.String(20), nullable=False, index=True),
    sa.Column("doing", sa.String(200), nullable=False, default=""),
    sa.Column("created_at", sa.Double, nullable=False),  # Unix seconds, as everywhere in these tables
    sa.Column("ended_at", sa.Double),
    sqlite_autoincrement=True,  # a number is never given twice, not even after a deletion
)

side_effects = sa.Table(
    "signalbox_effects",
    tables,
    sa.Column("operation", sa.Integer, primary_key=True),
    sa.Column("name", sa.String(80), primary_key=True),
    sa.Column("started_at", sa.Double, nullable=False),
)

approvals = sa.Table(
    "signalbox_approvals",
    tables,
    sa.Column("id", sa.String(40), primary_key=True),
    sa.Column("operation", sa.Integer, nullable=False, index=True),
    sa.Column("environment", sa.String(80), nullable=False),
    sa.Column("binding", sa.String(64), nullable=False),  # digest of what the person saw
    sa.Column("requester", sa.String(40), nullable=False),
    sa.Column("channel", sa.String(40), nullable=False),
    sa.Column("message_ts", sa.String(40), nullable=False),
    sa.Column("required", sa.Integer, nullable=False),
    sa.Column("typed_word", sa.String(80), nullable=False, default=""),  # what must be typed to approve
    sa.Column("status", sa.String(20), nullable=False),
    sa.Column("created_at", sa.Double, nullable=False),
    sa.Column("expires_at", sa.Double, nullable=False),
    sa.Column("decided_at", sa.Double),
    sa.UniqueConstraint("operation", "binding"),  # what is asked twice is one question
)

votes = sa.Table(
    "signalbox_votes",
    tables,
    sa.Column("approval", sa.String(40), primary_key=True),
    sa.Column("person", sa.String(40), primary_key=True),  # nobody counts twice
    sa.Column("decision", sa.String(10), nullable=False),
    sa.Column("at", sa.Double, nullable=False),
)

deployed = sa.Table(
    "signalbox_deployed",
    tables,
    sa.Column("operation", sa.Integer, primary_key=True),
    sa.Column("environment", sa.String(80), nullable=False, index=True),
    sa.Column("repository", sa.String(140), nullable=False),
    sa.Column("sha", sa.String(40), nullable=False),
    sa.Column("ref", sa.String(255), nullable=False),
    sa.Column("subject", sa.String(300), nullable=False),
    sa.Column("person", sa.String(40), nullable=False),
    sa.Column("at", sa.Double, nullable=False),
)

host_keys = sa.Table(
    "signalbox_host_keys",
    tables,
    sa.Column("instance", sa.String(40), primary_key=True),  # EC2's id: a machine that is replaced has another one
    sa.Column("keys", sa.Text, nullable=False),  # lines of "kind base64"
    sa.Column("how", sa.String(80), nullable=False),  # how they came to be trusted
    sa.Column("at", sa.Double, nullable=False),
    sa.Column("shown", sa.Text, nullable=False, default=""),  # other keys that it has shown since
    sa.Column("shown_in", sa.Integer),  # and the operation that saw them
)

runs_on = sa.Table(
    "signalbox_runs_on",
    tables,
    sa.Column("environment", sa.String(80), primary_key=True),
    sa.Column("machine", sa.String(80), primary_key=True),
    sa.Column("instance", sa.String(40), primary_key=True),  # "" for every instance that has no row of its own
    sa.Column("repository", sa.String(140), nullable=False),
    sa.Column("sha", sa.String(40), nullable=False),
    sa.Column("ref", sa.String(255), nullable=False),
    sa.Column("subject", sa.String(300), nullable=False),
    sa.Column("person", sa.String(40), nullable=False),
    sa.Column("operation", sa.Integer, nullable=False),
    sa.Column("at", sa.Double, nullable=False),
)

drift = sa.Table(
    "signalbox_drift",
    tables,
    sa.Column("environment", sa.String(80), primary_key=True),
    sa.Column("fingerprint", sa.String(64), nullable=False),  # of what was told last; empty when there was none
    sa.Column("at", sa.Double, nullable=False),
)

cursors = sa.Table(
    "signalbox_marks",
    tables,
    sa.Column("name", sa.String(300), primary_key=True),
    sa.Column("number", sa.BigInteger, nullable=False),  # how far that was read
    sa.Column("at", sa.Double, nullable=False),
)

audit = sa.Table(
    "signalbox_audit",
    tables,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("at", sa.Double, nullable=False),
    sa.Column("actor", sa.String(40), nullable=False),
    sa.Column("action", sa.String(60), nullable=False),
    sa.Column("environment", sa.String(80), nullable=False),
    sa.Column("operation", sa.Integer),
    sa.Column("detail", sa.JSON, nullable=False),
    sa.Column("previous", sa.String(64), nullable=False),
    sa.Column("digest", sa.String(64), nullable=False),
)


class Store:
    """The database. `url` is SQLAlchemy's: sqlite:///var/signalbox.sqlite or postgresql+psycopg://...

    Raises sqlalchemy.exc.ArgumentError for any other.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        try:
            # A server that was restarted has hung up: each connection is tried before it is used.
            self.engine = sa.create_engine(url, pool_pre_ping=not url.startswith("sqlite"))
        except ImportError as error:  # how SQLAlchemy says that it has no driver for it
            raise sa.exc.ArgumentError("Signalbox works with PostgreSQL and SQLite only") from error
        if self.engine.dialect.name == "sqlite":
            sa.event.listen(self.engine, "connect", _prepare_sqlite)
            sa.event.listen(self.engine, "begin", _begin_immediate)

    @property
    def file(self) -> Path | None:
        """Where SQLite keeps it; None for PostgreSQL."""
        url = self.engine.url
        return Path(url.database) if url.get_backend_name() == "sqlite" and url.database else None

    @property
    def place(self) -> str:
        """Which database it is, in words without a password."""
        url = self.engine.url
        return str(self.file) if self.file else f"{url.get_backend_name()} {url.host or 'here'}/{url.database}"

    async def create_tables(self) -> None:
        """Make whatever tables are missing; several processes may do so at once."""
        await run_blocking(self._transaction, _create_tables, timeout=TIMEOUT, doing="preparing the database")

    async def run(self, work: Callable[[sa.Connection], T]) -> T:
        """Run `work` in one transaction: all of it is kept or none. Raises what `work` raises, and DatabaseAwayError."""
        try:
            return await run_blocking(self._transaction, work, timeout=TIMEOUT, doing="using the database")
        except TimedOutError as error:
            raise DatabaseAwayError(f"the database {self.place}: {error.problem}") from error
        except sa.exc.SQLAlchemyError as error:
            if not outage.passes(error):
                raise
            raise DatabaseAwayError(f"the database {self.place}: {on_one_line(_words(error))}") from error

    def _transaction(self, work: Callable[[sa.Connection], T]) -> T:
        with self.engine.begin() as connection:
            return work(connection)

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()


def insert_new(connection: sa.Connection, table: sa.Table, row: dict[str, Any]) -> bool:
    """Insert the row unless one with its key is there; whether it was inserted. Safe when two try at once."""
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    # Not every driver counts the rows of such an insert, but each returns them.
    return connection.scalar(insert(table).values(row).on_conflict_do_nothing().returning(sa.literal(1))) is not None


def _words(error: sa.exc.SQLAlchemyError) -> str:
    # Without the statement and its values, which the whole error repeats.
    return str(error.orig if isinstance(error, sa.exc.DBAPIError) else error)


def _create_tables(connection: sa.Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(LOCK)))
    tables.create_all(connection)


def _prepare_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # transactions are begun below, not by the driver
    cursor = connection.cursor()
    # Write-ahead logging lets readers and one writer go on together; the mode stays with the file, so the durable
    # engine's connections have it too. Every commit reaches the disk (synchronous=FULL): approvals must not be lost.
    for pragma in ("busy_timeout=30000", "journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_immediate(connection: sa.Connection) -> None:
    # Taking the write lock first means that what a transaction has read is still so when it writes.
    connection.exec_driver_sql("BEGIN IMMEDIATE")
