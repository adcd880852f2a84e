"""Migrated databases for unit tests. SQLite's tables are made once in each test process, then copied.

The migrations of a new database take 20 ms of processor time, a copy 2 ms; most unit tests of handlers and of the store need one.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import sqlalchemy as sa

from bot.store.database import Store
from bot.store.migrations import migrate

if TYPE_CHECKING:
    from bot.seals import Keyring

_made: list[bytes] = []  # the file of a migrated database; empty until a test needs it


async def migrated(url: str, keyring: Keyring | None = None) -> Store:
    """The store of a new database with all tables, sealed with these keys or new ones. Its caller closes it."""
    address = sa.make_url(url)
    if address.drivername == "sqlite" and address.database:
        if not _made:
            _made.append(await _migrated_file())
        Path(address.database).write_bytes(_made[0])
    store = Store(url, keyring)
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
