"""Operations while the database is away or full: they wait, and nothing is lost."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from bot.errors import DatabaseAwayError
from bot.store import database_outage
from bot.store.operations import Status
from tests.unit.bot.operations.lifecycle_world import World, succeed

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

    from bot.operations.operation import Operation


pytestmark = pytest.mark.asyncio(loop_scope="module")


class Room:
    """Whether SQLite's files may grow."""

    def take(self) -> None:
        sa.event.listen(sa.pool.Pool, "checkout", _no_room)

    def give(self) -> None:
        if sa.event.contains(sa.pool.Pool, "checkout", _no_room):
            sa.event.remove(sa.pool.Pool, "checkout", _no_room)
            sa.event.listen(sa.pool.Pool, "checkout", _room)


@pytest.fixture
def room() -> Iterator[Room]:
    here = Room()
    yield here
    here.give()
    sa.event.remove(sa.pool.Pool, "checkout", _room)


def _no_room(connection: sqlite3.Connection, *_: object) -> None:
    connection.execute("PRAGMA max_page_count = 1")  # that is: none beyond those that it has


def _room(connection: sqlite3.Connection, *_: object) -> None:
    connection.execute("PRAGMA max_page_count = 1073741823")


async def test_an_operation_waits_for_room_in_the_database(
    world: World, room: Room, caplog: pytest.LogCaptureFixture
) -> None:
    written: list[int] = []

    async def grows() -> str:
        written.append(1)
        room.take()
        return "x" * 3_000_000

    async def body(operation: Operation) -> None:
        assert len(await operation.step("grows", grows)) == 3_000_000
        await succeed(operation)

    request = await world.begin(body)
    async with asyncio.timeout(60):
        while "is full" not in caplog.text:  # noqa: ASYNC110  -- the engine says it in its log alone
            await asyncio.sleep(0.05)
    room.give()
    record = await world.until(request, Status.SUCCEEDED, Status.FAILED)
    assert record.status is Status.SUCCEEDED
    assert written == [1], "what was done is written down once there is room, not done again"


async def test_a_step_is_done_again_when_the_database_was_away(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database_outage, "FIRST_PAUSE", 0.01)
    tries: list[int] = []

    async def away_at_first() -> int:
        tries.append(1)
        if len(tries) < 3:
            raise DatabaseAwayError("the database is away")
        return len(tries)

    async def body(operation: Operation) -> None:
        assert await operation.step("away", away_at_first) == 3
        await succeed(operation)

    await world.until(await world.begin(body), Status.SUCCEEDED)
    assert len(tries) == 3


async def test_what_is_under_way_is_not_stopped_because_the_database_is_away(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(_: int) -> str | None:
        raise DatabaseAwayError("the database is away")

    async def body(operation: Operation) -> None:
        monkeypatch.setattr(operation.services.operations, "cancel_requested", away)
        assert await operation.unless_cancelled(asyncio.sleep(1.2, "done")) == "done"
        await succeed(operation)

    await world.until(await world.begin(body), Status.SUCCEEDED)
