"""The database connection: transactions on SQLite or PostgreSQL, and the metadata that all tables of Signalbox share."""

from __future__ import annotations

import logging
import shutil
import sqlite3
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from bot.errors import DatabaseAwayError, ForgedError
from bot.seals import Keyring, new_key
from bot.store import database_outage
from runners.concurrency import run_blocking
from runners.errors import TimedOutError, on_one_line

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

T = TypeVar("T")
log = logging.getLogger(__name__)
TIMEOUT = 30.0  # seconds for one transaction
# Ten processes stay below 100 connections, PostgreSQL's default limit: the engine has its own (bot/engine/engine.py), and
# the lease has one. A transaction that finds none free waits for one.
CONNECTIONS = 3
CONNECT_TIMEOUT = 10  # seconds
# Bytes: SQLite's log grows to 4 MB before it is written back into the file, which then grows as much.
LEAST_ROOM = 8 * 1024 * 1024
_READS = "signalbox_reads"  # the name of an execution option
_BUSY_TIMEOUT = 30.0  # seconds that a connection to SQLite waits for another's lock

UNREADABLE = "A record cannot be read: something other than Signalbox has changed the database. Nothing was started."
OTHER_TABLES = "its tables are not those of this version: start the version of Signalbox that changed them"

metadata = sa.MetaData()  # each file of bot/store defines its own tables in it


class Store:
    """The database. `url` is SQLAlchemy's: sqlite:///var/signalbox.sqlite or postgresql+psycopg://...

    At most `connections` to PostgreSQL are open at a time. `keyring` seals the rows that decide. Without one, rows that others have sealed do not verify.
    Raises sqlalchemy.exc.ArgumentError for any other.
    """

    def __init__(self, url: str, keyring: Keyring | None = None, *, connections: int = CONNECTIONS) -> None:
        self.url = url
        self.lost = ""  # why nothing may be read or written: set while another database is in the place of this one
        self.keyring = keyring or Keyring.read(new_key())
        # The holder of a lease replaces these (bot/engine/lease.py). `fence` is called within the transaction that marks an
        # effect as begun, `check_lease` directly before the effect.
        self.fence: Callable[[sa.Connection], None] = lambda _: None
        self.check_lease: Callable[[], Awaitable[None]] = _hold_always
        try:
            # A PostgreSQL server that restarted has closed its connections: each connection is tested before use.
            self.engine = sa.create_engine(url, **_options(url, connections))
        except ImportError as error:  # SQLAlchemy raises it for a driver that is not installed
            raise sa.exc.ArgumentError("Signalbox works with PostgreSQL and SQLite only") from error
        self._closed = threading.Event()
        if self.engine.dialect.name == "sqlite":
            sa.event.listen(self.engine, "connect", _prepare_sqlite)
            sa.event.listen(self.engine, "begin", _begin_immediate)
        self._reading = for_reading(self.engine)

    @property
    def file(self) -> Path | None:
        """The path of the SQLite file; None for PostgreSQL."""
        url = self.engine.url
        return Path(url.database) if url.get_backend_name() == "sqlite" and url.database else None

    @property
    def location(self) -> str:
        """Names the database for people, without a password: a path, or "postgresql host/name"."""
        url = self.engine.url
        return str(self.file) if self.file else f"{url.get_backend_name()} {url.host or 'here'}/{url.database}"

    async def run(
        self,
        work: Callable[[sa.Connection], T],
        *,
        doing: str = "using the database",
        timeout: float = TIMEOUT,
        engine: sa.Engine | None = None,
    ) -> T:
        """Run `work` in one transaction, of at most `timeout` seconds: all of it is stored or none.

        Raises what `work` raises, DatabaseAwayError, and ForgedError for a value of a form that Signalbox does not write.
        """
        if self.lost:
            raise DatabaseAwayError(f"the database {self.location}: {self.lost}")
        try:
            return await run_blocking(self._transaction, work, engine or self.engine, timeout=timeout, doing=doing)
        except (ValueError, RecursionError) as error:  # text where a number is expected, JSON that is none
            log.exception("the database %s has a value that cannot be read", self.location)
            raise ForgedError(UNREADABLE) from error
        except TimedOutError as error:
            raise DatabaseAwayError(f"the database {self.location}: {error.problem}") from error
        except sa.exc.SQLAlchemyError as error:
            if database_outage.of_other_tables(error):
                reason = on_one_line(_reason(error)).partition(" LINE ")[0]
                raise DatabaseAwayError(f"the database {self.location}: {OTHER_TABLES} ({reason})") from error
            if not database_outage.is_temporary(error):
                raise
            raise DatabaseAwayError(f"the database {self.location}: {on_one_line(_reason(error))}") from error

    async def read(self, work: Callable[[sa.Connection], T]) -> T:
        """Run `work`, which only reads: on a file it neither waits for a writer nor delays one. Raises as `run` does."""
        return await self.run(work, engine=self._reading)

    async def run_before_effect(self, work: Callable[[sa.Connection], bool]) -> bool:
        """The same for a transaction that marks an effect as about to begin; whether it does."""

        def fenced(connection: sa.Connection) -> bool:
            self.fence(connection)
            return work(connection)

        begins = await self.run(fenced)
        if begins:
            await self.check_lease()  # the process may have been stopped since the transaction
        return begins

    def require_room(self) -> None:
        """Raises DatabaseAwayError where an SQLite file has no room for what an operation writes at its beginning.

        The engine would wait for room, and a person for an answer.
        """
        if self.file is not None and (free := shutil.disk_usage(self.file.absolute().parent).free) < LEAST_ROOM:
            raise DatabaseAwayError(f"the database {self.location}: no room, {free // 1024} kB are free on its disk")

    def _transaction(self, work: Callable[[sa.Connection], T], engine: sa.Engine) -> T:
        if self._closed.is_set():
            raise DatabaseAwayError(f"the database {self.location}: its connections are closed, since Signalbox stops")
        try:
            with engine.begin() as connection:
                return work(connection)
        finally:
            if self._closed.is_set():  # meanwhile, when `close` could not reach this connection
                self.engine.pool.dispose()

    def close(self) -> None:
        """Close every connection. One whose transaction is still running in a thread is closed when that ends.

        From then on `run` raises DatabaseAwayError.
        """
        self._closed.set()
        # Not engine.dispose(): a connection in use returns to this pool, and would be left there when a new one replaces it.
        self.engine.pool.dispose()


def for_reading(engine: sa.Engine) -> sa.Engine:
    """The same database for transactions that only read: on a file they neither wait for a writer nor delay one."""
    return engine.execution_options(**{_READS: True})


def insert_new(connection: sa.Connection, table: sa.Table, row: dict[str, Any]) -> bool:
    """Insert the row unless a row with its key exists; whether it was inserted. Safe when two processes try at once."""
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    # Not every driver counts the rows of such an insert, but each returns them.
    return connection.scalar(insert(table).values(row).on_conflict_do_nothing().returning(sa.literal(1))) is not None


def insert_all_new(connection: sa.Connection, table: sa.Table, rows: Sequence[Mapping[str, Any]]) -> set[Any]:
    """Insert the rows without those whose key exists; the keys of what was inserted. No two rows may have the same key."""
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    [key] = table.primary_key.columns
    return set(connection.scalars(insert(table).on_conflict_do_nothing().returning(key), rows))


def lock_transaction(connection: sa.Connection, lock: int) -> None:
    """Wait for this advisory lock, and hold it until the transaction ends. On SQLite each transaction is alone anyway."""
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(lock)))


def _options(url: str, connections: int) -> dict[str, Any]:
    if url.startswith("sqlite"):
        return {}
    timeout = {"connect_timeout": CONNECT_TIMEOUT}
    return {"pool_size": connections, "max_overflow": 0, "pool_pre_ping": True, "connect_args": timeout}


async def _hold_always() -> None:
    """Without a lease, as in tests and in commands, nothing can be lost."""


def _reason(error: sa.exc.SQLAlchemyError) -> str:
    # Without the statement and its values, which the whole error repeats.
    return str(error.orig if isinstance(error, sa.exc.DBAPIError) else error)


def _prepare_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # _begin_immediate begins the transactions, not the driver
    cursor = connection.cursor()
    # Every commit reaches the disk (synchronous=FULL): approvals must not be lost.
    for pragma in (f"busy_timeout={_BUSY_TIMEOUT * 1000:.0f}", "synchronous=FULL", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    _use_write_ahead_log(cursor)
    cursor.close()


def _use_write_ahead_log(cursor: sqlite3.Cursor) -> None:
    """Let readers and one writer work together. The file stores the mode, so the engine's connections use it too.

    While several processes open a new file at once, the change of mode fails at once, whatever the busy timeout is:
    https://sqlite.org/c3ref/busy_handler.html, "may result in a deadlock".
    """
    end = time.monotonic() + _BUSY_TIMEOUT
    while True:
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > end:
                raise
            time.sleep(0.02)
        else:
            return


def _begin_immediate(connection: sa.Connection) -> None:
    # The write lock comes first, so that nothing a transaction has read can change before it writes.
    reads = connection.get_execution_options().get(_READS)
    connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")
