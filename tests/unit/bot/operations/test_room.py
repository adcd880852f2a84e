"""Room for runs in a process: who waits reads why, a cancelled wait leaves no trace, an outage of the database is survived."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from bot.errors import DatabaseAwayError
from bot.operations import room as room_module
from bot.operations.room import Room
from bot.store.run_slots import Place, Precedence, RunSlots, run_slots
from bot.store.workers import Identity, Lease, Workers

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bot.store.database import Store
    from bot.store.run_slots import Claim, Standing

WITHIN = 60.0


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room_module, "POLL", 0.05)


async def made(store: Store, name: str = "a", at_most: int = 1, total: int | None = None) -> Room:
    lease = await Workers(store, timedelta(minutes=2)).acquire(Identity(name, "m", "host-m", "1"))
    assert isinstance(lease, Lease)
    return Room(RunSlots(store, lease, Place("m", at_most, total)), "host-<m>")


async def rows(store: Store) -> dict[int, bool]:
    statement = sa.select(run_slots.c.operation, run_slots.c.granted)
    return {number: bool(granted) for number, granted in await store.run(lambda c: c.execute(statement).all())}


async def until_rows(store: Store, wanted: dict[int, bool]) -> None:
    async with asyncio.timeout(WITHIN):
        while await rows(store) != wanted:  # noqa: ASYNC110  -- another process would poll as well
            await asyncio.sleep(0.01)


class Waiting:
    """An operation that asked for room, what it read meanwhile, and whether it has it."""

    def __init__(self, room: Room, number: int, precedence: Precedence = Precedence.PLAN) -> None:
        self.notes: list[str] = []
        self.noted = asyncio.Event()
        self.task = asyncio.create_task(room.enter(number, precedence, 1, self._note))

    def _note(self, words: str) -> None:
        self.notes.append(words)
        self.noted.set()

    async def waits(self) -> str:
        async with asyncio.timeout(WITHIN):
            await self.noted.wait()
        assert not self.task.done()
        return self.notes[-1]

    async def has_room(self) -> None:
        await asyncio.wait_for(asyncio.shield(self.task), WITHIN)


async def test_who_waits_reads_for_what_and_the_most_urgent_comes_first(store: Store) -> None:
    room = await made(store)
    await Waiting(room, 7).has_room()
    await Waiting(room, 7).has_room()  # it has it already
    drift, plan = Waiting(room, 1, Precedence.DRIFT_CHECK), Waiting(room, 2)
    words = await plan.waits()
    assert words.startswith(":hourglass: Waits for room on host-&lt;m&gt;: 1 of 1 runs (`operations.at_once`).")
    assert words.endswith("Now on this machine: #7.")
    await drift.waits()
    decided = Waiting(room, 3, Precedence.DECIDED)
    await decided.waits()
    for leaves, comes in ((7, decided), (3, plan), (2, drift)):
        room.leave(leaves)
        await comes.has_room()
    assert set(room.running) == {1}
    room.leave(1)
    room.leave(1)
    await until_rows(store, {})
    await room.close()


async def test_the_total_is_named_where_it_is_what_is_full(store: Store) -> None:
    room = await made(store, at_most=4, total=2)
    await Waiting(room, 1).has_room()
    await Waiting(room, 2).has_room()
    assert "on all machines together: 2 of 2 runs" in await Waiting(room, 3).waits()
    await room.close()


async def test_a_cancelled_wait_gives_up_its_place(store: Store) -> None:
    room = await made(store)
    await Waiting(room, 1).has_room()
    second, third = Waiting(room, 2), Waiting(room, 3)
    await second.waits()
    second.task.cancel()
    await until_rows(store, {1: True, 3: False})
    room.leave(1)
    await third.has_room()
    await until_rows(store, {3: True})
    await room.close()


async def test_a_program_that_runs_already_counts_without_waiting(store: Store) -> None:
    room = await made(store)
    await Waiting(room, 1).has_room()
    room.occupy(2, Precedence.DECIDED)
    await until_rows(store, {1: True, 2: True})
    room.leave(1)
    waiting = Waiting(room, 3)
    await waiting.waits()
    room.leave(2)
    await waiting.has_room()
    await room.close()


async def test_room_is_found_once_the_database_is_back(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    room, failures = await made(store), [DatabaseAwayError("away"), RuntimeError("a fault"), DatabaseAwayError("away")]
    state: Callable[[RunSlots, Sequence[Claim]], object] = RunSlots.state

    async def fails(self: RunSlots, claims: Sequence[Claim]) -> Standing:
        if failures:
            raise failures.pop()
        return await state(self, claims)  # type: ignore[misc, no-any-return]

    monkeypatch.setattr(RunSlots, "state", fails)
    await Waiting(room, 1).has_room()
    assert not failures
    await room.close()
