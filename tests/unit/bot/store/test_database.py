"""What the database promises: all of a transaction or none, on disk, several processes at once."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
import sqlalchemy as sa

from bot.errors import DatabaseAwayError
from bot.store.database import Store, insert_new
from bot.store.migrations import migrate
from bot.store.operation_tables import side_effects

if TYPE_CHECKING:
    from pathlib import Path

ROW = {"operation": 1, "name": "apply", "started_at": 1.0, "seal": ""}


async def count(store: Store) -> int:
    rows = await store.run(lambda connection: connection.execute(sa.select(side_effects.c.operation)).all())
    return len(rows)


async def test_what_fails_leaves_nothing_behind(store: Store) -> None:
    def work(connection: sa.Connection) -> None:
        connection.execute(sa.insert(side_effects).values(ROW))
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await store.run(work)
    assert await count(store) == 0
    assert await store.run(lambda connection: insert_new(connection, side_effects, ROW))
    assert not await store.run(lambda connection: insert_new(connection, side_effects, ROW))
    assert await count(store) == 1


async def test_what_is_written_at_once_is_all_there(url: str, store: Store) -> None:
    other = Store(url, store.keyring)

    def work(number: int) -> bool:
        with [store, other][number % 2].engine.begin() as connection:
            return insert_new(connection, side_effects, {**ROW, "operation": number})

    assert all(await asyncio.gather(*(asyncio.to_thread(work, number) for number in range(60))))
    other.close()
    assert await count(store) == 60


async def test_a_start_waits_while_another_writes_to_a_file_that_has_no_write_ahead_log_yet(tmp_path: Path) -> None:
    path = tmp_path / "signalbox.sqlite"
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("CREATE TABLE tables_of_another_start (name)")
    other.execute("BEGIN IMMEDIATE")
    other.execute("INSERT INTO tables_of_another_start VALUES ('first')")
    store = Store(f"sqlite:///{path}")
    migrating = asyncio.create_task(migrate(store))
    await asyncio.sleep(0.2)
    assert not migrating.done()
    other.execute("COMMIT")
    await migrating
    assert await count(store) == 0
    store.close()
    other.close()


async def test_what_is_read_stays_so_until_it_is_written(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path}/signalbox.sqlite")
    await migrate(store)

    def take_next(connection: sa.Connection) -> int:
        newest = connection.scalar(sa.select(sa.func.max(side_effects.c.operation))) or 0
        connection.execute(sa.insert(side_effects).values({**ROW, "operation": newest + 1}))
        return int(newest) + 1

    taken = await asyncio.gather(*(store.run(take_next) for _ in range(40)))
    store.close()
    assert sorted(taken) == list(range(1, 41))


async def test_sqlite_writes_ahead_and_every_commit_reaches_the_disk(tmp_path: Path) -> None:
    path = tmp_path / "signalbox.sqlite"
    store = Store(f"sqlite:///{path}")
    await migrate(store)
    with store.engine.connect() as connection:
        pragmas = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in ("journal_mode", "synchronous")
        }
    store.close()
    assert pragmas == {"journal_mode": "wal", "synchronous": 2}
    plain = sqlite3.connect(path)
    assert plain.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    plain.close()


def is_open(connection: Any) -> bool:
    """Whether the driver's connection is open."""
    if isinstance(connection, psycopg.Connection):
        return not connection.closed
    try:
        connection.total_changes  # noqa: B018  -- raises where the connection is closed
    except sqlite3.ProgrammingError:
        return False
    return True


def read_one(connection: sa.Connection) -> int:
    return int(connection.scalar(sa.select(sa.literal(1))) or 0)


@pytest.mark.parametrize("fails", [False, True])
async def test_a_transaction_that_runs_while_the_store_is_closed_leaves_no_connection(url: str, fails: bool) -> None:
    """It is not the garbage collector that closes it: the test keeps every connection."""
    store, made = Store(url), []
    sa.event.listen(store.engine, "connect", lambda connection, _: made.append(connection))
    begun, closed = threading.Event(), threading.Event()

    def work(connection: sa.Connection) -> int:
        begun.set()
        assert closed.wait(60)
        if fails:
            raise ZeroDivisionError
        return int(connection.scalar(sa.select(sa.literal(7))) or 0)

    running = asyncio.create_task(store.run(work))
    assert await asyncio.to_thread(begun.wait, 60)
    if not store.file:  # on SQLite it would wait for the other transaction
        assert await store.run(read_one) == 1
    store.close()
    closed.set()
    if fails:
        with pytest.raises(ZeroDivisionError):
            await running
    else:
        assert await running == 7, "what runs is not interrupted"
    assert len(made) == (1 if store.file else 2)
    assert [connection for connection in made if is_open(connection)] == []
    with pytest.raises(DatabaseAwayError, match="its connections are closed"):
        await store.run(read_one)
