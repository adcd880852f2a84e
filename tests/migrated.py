"""Migrated databases for tests: each test process migrates one of each kind, then copies that file or repeats those statements.

The migrations of a new SQLite database take 20 ms of processor time, a copy 2 ms. With PostgreSQL alembic takes 100 ms, and
the statements themselves a few.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from bot.store.database import Store
from bot.store.migrations import migrate, revision_of, upgrade

if TYPE_CHECKING:
    from bot.seals import Keyring

_made: list[bytes] = []  # the file of a migrated database; empty until a test needs it
_statements: list[tuple[str, Any]] = []  # with their parameters: what makes the tables of PostgreSQL; empty until then


async def migrated(url: str, keyring: Keyring | None = None) -> Store:
    """The store of a new database with all tables, sealed with these keys or new ones. Its caller closes it."""
    address = sa.make_url(url)
    if address.drivername == "sqlite" and address.database:
        if not _made:
            _made.append(await _migrated_file())
        Path(address.database).write_bytes(_made[0])
    store = Store(url, keyring)
    if address.get_backend_name() == "postgresql" and await store.run(revision_of) is None:
        await store.run(_repeat if _statements else _migrate_and_record)
    await migrate(store)  # which finds a copy as it has to be
    return store


async def _migrated_file() -> bytes:
    with TemporaryDirectory(prefix="signalbox-migrated-") as directory:
        path = f"{directory}/signalbox.sqlite"
        store = Store(f"sqlite:///{path}")
        await migrate(store)
        store.close()
        with closing(sqlite3.connect(path)) as connection:
            return connection.serialize()


def _repeat(connection: sa.Connection) -> None:
    for statement, parameters in _statements:
        connection.exec_driver_sql(statement, parameters)


def _migrate_and_record(connection: sa.Connection) -> None:
    def record(_: object, __: object, statement: str, parameters: Any, *___: object) -> None:
        if not statement.lstrip().upper().startswith("SELECT"):
            _statements.append((statement, parameters))

    sa.event.listen(connection, "before_cursor_execute", record)
    try:
        upgrade(connection, "the database")
    finally:
        sa.event.remove(connection, "before_cursor_execute", record)
