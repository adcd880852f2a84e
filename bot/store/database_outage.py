"""Temporary outages of the database (no server, no connection, no space): recognised, and waited for."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from typing import TYPE_CHECKING, TypeVar

import psycopg
import sqlalchemy as sa

from bot.errors import DatabaseAwayError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

T = TypeVar("T")
log = logging.getLogger(__name__)
# From https://www.postgresql.org/docs/current/errcodes-appendix.html: connection, resources, operator intervention.
TEMPORARY_POSTGRES = ("08", "53", "57P")
# From https://www.sqlite.org/rescode.html, the primary codes.
TEMPORARY_SQLITE = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_CANTOPEN,
}
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 15.0  # seconds between tries


def is_temporary(error: sa.exc.SQLAlchemyError) -> bool:
    """Whether the database itself fails and may recover: no server, no free connection, no space."""
    if isinstance(error, sa.exc.TimeoutError):  # no connection was free
        return True
    if not isinstance(error, sa.exc.DBAPIError):
        return False
    if isinstance(error.orig, sqlite3.OperationalError):
        return _is_temporary_in_sqlite(error.orig)
    if isinstance(error.orig, psycopg.OperationalError):
        return error.orig.sqlstate is None or error.orig.sqlstate.startswith(TEMPORARY_POSTGRES)
    return error.connection_invalidated


def of_other_tables(error: sa.exc.SQLAlchemyError) -> bool:
    """Whether a table or column does not exist: another version has changed the tables while this one works."""
    if not isinstance(error, sa.exc.DBAPIError):
        return False
    if isinstance(error.orig, sqlite3.OperationalError):
        return str(error.orig).startswith(("no such column", "no such table")) or " has no column " in str(error.orig)
    return isinstance(error.orig, psycopg.errors.UndefinedColumn | psycopg.errors.UndefinedTable)


async def retry_while_away(do: Callable[[], Coroutine[object, object, T]]) -> T:
    """Run `do` again, with growing pauses, until the database answers. Only for work that may run twice."""
    pause = FIRST_PAUSE
    while True:
        try:
            return await do()
        except DatabaseAwayError as error:
            log.warning("%s; trying again in %.0f s", error, pause)
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)


def report_outages_as_locked() -> None:
    """Make the durable engine wait for an SQLite file without space, as it waits for a locked file.

    The engine recognises a locked file by the error's text. With PostgreSQL it waits for space and for the server.
    """
    if not sa.event.contains(sa.Engine, "handle_error", _report_as_locked):
        sa.event.listen(sa.Engine, "handle_error", _report_as_locked)


def _is_temporary_in_sqlite(error: sqlite3.OperationalError) -> bool:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in TEMPORARY_SQLITE  # without the extended code's upper bits


def _report_as_locked(context: sa.engine.ExceptionContext) -> None:
    error = context.original_exception
    if isinstance(error, sqlite3.OperationalError) and _is_temporary_in_sqlite(error):
        log.warning("the database: %s; what must be stored waits for it", error)
        locked = sqlite3.OperationalError(f"{error} (waited for as if: database is locked)")
        locked.sqlite_errorcode, locked.sqlite_errorname = error.sqlite_errorcode, error.sqlite_errorname
        raise sa.exc.OperationalError(context.statement, context.parameters, locked) from error
