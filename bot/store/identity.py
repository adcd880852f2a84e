"""The identity of the database: random, in the database and beside the operations' files. Both have to be the same.

So an emptied, replaced or foreign database is refused, in place of a start that has forgotten what waited.
"""

from __future__ import annotations

import os
import secrets
import sqlite3
from contextlib import closing, suppress
from typing import TYPE_CHECKING

import sqlalchemy as sa

from bot.errors import ConfigError, Fault
from bot.store.database import insert_new, metadata
from bot.store.migrations import VERSION_TABLE, has_tables, revision_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bot.store.database import Store

FILE = "database.id"  # in the directory of the operations
SINCE = "0007"  # databases of an earlier revision have no identity
# Bytes: up to here a start waits until every page of the file is checked, a fifth of a second at most.
CHECKED_FIRST = 64 << 20
_QUICK_CHECK = "PRAGMA quick_check(1)"

identities = sa.Table(
    "signalbox_identity",
    metadata,
    sa.Column("row", sa.Integer, primary_key=True, autoincrement=False),  # always 1
    sa.Column("identity", sa.String(40), nullable=False),
)


def check(store: Store, workplace: Path, *, starts: bool = False) -> None:
    """Compare the database with the identity that the directory names; changes and creates nothing.

    When the bot `starts`, the pages of a large SQLite file are left for later: see `damage`. Raises ConfigError for another database, a missing, empty or damaged one. A directory without an identity accepts any.
    """
    expected = _expected(workplace)
    if store.file is not None:
        if not store.file.is_file():
            if expected:
                raise _refusal(store, workplace, "the file is missing")
            return
        # Of a large file what SQLite reads first: whether it is a database, and its list of tables.
        first = "SELECT 'ok' WHERE (SELECT count(*) FROM sqlite_master) >= 0"
        _check_integrity(store, first if starts and is_large(store) else _QUICK_CHECK)
    if expected:
        with store.engine.begin() as connection:
            _compare(connection, store, workplace, expected)


def claim(store: Store, workplace: Path) -> str:
    """Compare the upgraded database with the directory, after each has got its identity. Raises ConfigError."""
    expected = _expected(workplace)
    with store.engine.begin() as connection:
        # An upgraded database takes the directory's; the database is written first, so a crash leaves no false refusal.
        new = expected or secrets.token_hex(16)
        insert_new(connection, identities, {"row": 1, "identity": new})
        present = str(connection.scalar(sa.select(identities.c.identity)))
    if expected and present != expected:
        raise _refusal(store, workplace, "it is another one")
    if not expected:
        _write(workplace, present)
    return present


def difference(store: Store, identity: str, inode: tuple[int, int] | None) -> str:
    """What is wrong with the database of a running bot, in words; empty if it is the one with this identity.

    `inode` is what `inode_of` said at the start. Raises SQLAlchemyError if the database does not answer.
    """
    if store.file is None:
        with store.engine.connect() as connection:
            present = connection.scalar(sa.select(identities.c.identity))
        return "" if present == identity else "another database is in its place"
    if (now := inode_of(store)) != inode:
        return "its file was deleted" if now is None else "its file was replaced"
    try:
        # A connection of its own: those of the pool may have read the file before it was overwritten.
        with closing(
            sqlite3.connect(f"{store.file.absolute().as_uri()}?mode=ro", uri=True, timeout=5.0)
        ) as connection_:
            stored = connection_.execute("SELECT identity FROM signalbox_identity").fetchone()
    except sqlite3.DatabaseError as error:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
            return ""
        return f"its file cannot be read any more ({error})"
    return "" if stored == (identity,) else "its file was overwritten with another database"


def is_large(store: Store) -> bool:
    """Whether it is an SQLite file whose pages a start does not wait for."""
    return store.file is not None and store.file.stat().st_size > CHECKED_FIRST


def damage(store: Store) -> str:
    """What is damaged in the SQLite file of a running bot, in words; empty if it is whole. Takes seconds for each GB.

    Raises sqlite3.Error if the file cannot be read for another reason, and OSError if it is gone.
    """
    if store.file is None:
        return ""
    with closing(sqlite3.connect(f"{store.file.absolute().as_uri()}?mode=ro", uri=True, timeout=5.0)) as connection:
        report = _damage(lambda: connection.execute(_QUICK_CHECK).fetchone()[0])
    return f"its file is damaged ({report})" if report else ""


def inode_of(store: Store) -> tuple[int, int] | None:
    """The device and inode of the SQLite file; None without one."""
    with suppress(OSError):
        if store.file is not None:
            status = store.file.stat()
            return status.st_dev, status.st_ino
    return None


def _compare(connection: sa.Connection, store: Store, workplace: Path, expected: str) -> None:
    present = revision_of(connection)
    if present is None and not has_tables(connection):
        raise _refusal(store, workplace, "it is empty")
    if not sa.inspect(connection).has_table(identities.name):
        if present is not None and present < SINCE:
            return  # it is from before there were identities, and gets this one
        raise _refusal(store, workplace, f"it has no table {identities.name if present else VERSION_TABLE}")
    stored = connection.scalar(sa.select(identities.c.identity))
    if stored is not None and stored != expected:
        raise _refusal(store, workplace, "it is another one")
    if stored is None:
        raise _refusal(store, workplace, "it is empty")


def _check_integrity(store: Store, statement: str) -> None:
    """Raises ConfigError for an SQLite file that is damaged as far as this statement reads it."""

    def report() -> object:
        with store.engine.connect() as connection:
            return connection.exec_driver_sql(statement).scalar()

    if words := _damage(report):
        problem = f"{store.location} is damaged ({words}). Nothing was started"
        raise _fault(f"{problem}. Restore it from a backup, and keep the damaged file for a repair (sqlite3 .recover)")


def _damage(quick_check: Callable[[], object]) -> str:
    """What SQLite's check reports, on one line; empty for a whole file."""
    try:
        report = str(quick_check())
    except (sa.exc.DatabaseError, sqlite3.DatabaseError) as error:
        cause = error.orig if isinstance(error, sa.exc.DatabaseError) else error
        if getattr(cause, "sqlite_errorcode", 0) & 0xFF not in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}:
            raise
        report = str(cause)
    return "" if report == "ok" else " ".join(report.split())[:200]


def _expected(workplace: Path) -> str:
    try:
        return (workplace / FILE).read_text("ascii").strip()
    except FileNotFoundError:
        return ""
    except (OSError, ValueError) as error:
        raise _fault(f"{workplace / FILE} cannot be read ({error}); it names the database of this directory") from error


def _write(workplace: Path, identity: str) -> None:
    temporary = workplace / f"{FILE}.{secrets.token_hex(4)}"
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(f"{identity}\n")
        file.flush()
        os.fsync(descriptor)
    temporary.replace(workplace / FILE)


def _refusal(store: Store, workplace: Path, why: str) -> ConfigError:
    return _fault(
        f"the database {store.location} is not the one that {workplace} belongs to: {why}. Nothing was started. "
        f"Restore that database, or delete {workplace / FILE} to start anew: then operations that waited are forgotten"
    )


def _fault(problem: str) -> ConfigError:
    return ConfigError("database", (Fault(None, "", problem),))
