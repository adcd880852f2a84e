"""A database that is away, or has no room, for a while: told apart from faults, and waited for."""

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
# Of https://www.postgresql.org/docs/current/errcodes-appendix.html: connection, resources, an operator's doing.
PASSING = ("08", "53", "57P")
# Of https://www.sqlite.org/rescode.html, the primary codes.
PASSING_SQLITE = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_CANTOPEN,
}
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 15.0  # seconds between tries


def passes(error: sa.exc.SQLAlchemyError) -> bool:
    """Whether it lies with the database itself, and may be over by itself: no server, no connection, no room."""
    if isinstance(error, sa.exc.TimeoutError):  # no connection was free
        return True
    if not isinstance(error, sa.exc.DBAPIError):
        return False
    if isinstance(error.orig, sqlite3.OperationalError):
        return getattr(error.orig, "sqlite_errorcode", 0) & 0xFF in PASSING_SQLITE
    if isinstance(error.orig, psycopg.OperationalError):
        return error.orig.sqlstate is None or error.orig.sqlstate.startswith(PASSING)
    return error.connection_invalidated


async def outlast(do: Callable[[], Coroutine[object, object, T]]) -> T:
    """Do it; again and again while the database is away. Only for what may be done twice."""
    pause = FIRST_PAUSE
    while True:
        try:
            return await do()
        except DatabaseAwayError as error:
            log.warning("%s; trying again in %.0f s", error, pause)
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)


def wait_for_room() -> None:
    """Let whoever waits for a locked SQLite file wait for one without room as well: the durable engine does.

    It goes by the words of the error. For PostgreSQL it waits for room, and for the server, by itself.
    """
    if not sa.event.contains(sa.Engine, "handle_error", _as_if_locked):
        sa.event.listen(sa.Engine, "handle_error", _as_if_locked)


def _as_if_locked(context: sa.engine.ExceptionContext) -> None:
    error = context.original_exception
    code = getattr(error, "sqlite_errorcode", 0)
    if isinstance(error, sqlite3.OperationalError) and code & 0xFF in PASSING_SQLITE:
        log.warning("the database: %s; whatever is to be kept waits for it", error)
        told = sqlite3.OperationalError(f"{error} (waited for as if: database is locked)")
        told.sqlite_errorcode, told.sqlite_errorname = code, error.sqlite_errorname
        raise sa.exc.OperationalError(context.statement, context.parameters, told) from error
