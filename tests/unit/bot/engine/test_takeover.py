"""Takeover: what a process left is handed on once, and never what a living process has in hand."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from bot.engine import takeover
from bot.engine.lease import HeldLease
from bot.engine.shared_work import SharedWork
from bot.engine.single_instance import is_surely_dead, single_instance_lock
from bot.engine.takeover import Takeover
from bot.store.workers import Identity, Lease, Workers, workers

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from pathlib import Path

    import pytest

    from bot.store.database import Store

LENGTH = timedelta(minutes=2)
QUEUE = SimpleNamespace(name="operations")


@dataclass
class Dbos:
    """The part of the engine that is used: workflows by their process, and what was handed on."""

    pending: dict[str, list[str]] = field(default_factory=dict)
    recovered: list[str] = field(default_factory=list)
    while_listing: Callable[[], None] = lambda: None

    async def list_workflows_async(self, **_: object) -> list[Any]:
        listed = [SimpleNamespace(workflow_id=w, executor_id=e) for e, each in self.pending.items() for w in each]
        self.while_listing()
        return listed

    def _recover_pending_workflows(self, executors: Collection[str]) -> None:
        for executor in executors:
            self.recovered += self.pending.pop(executor, [])


async def acquired(store: Store, name: str) -> Lease:
    lease = await Workers(store, LENGTH).acquire(Identity(name, f"machine-{name}", f"host-{name}", "1"))
    assert isinstance(lease, Lease)
    return lease


async def let_it_run_out(store: Store, name: str) -> None:
    past = sa.update(workers).where(workers.c.executor == name).values(lease_until=1.0)
    await store.run(lambda connection: connection.execute(past))


async def watching(store: Store, dbos: Dbos, *, dead: bool = True) -> Takeover:
    held = HeldLease(store, Workers(store, LENGTH), await acquired(store, "a"))
    return Takeover(held, SharedWork(dbos, held.lease.incarnation), lambda _: dead)


async def test_what_a_process_left_is_taken_up_when_its_lease_ran_out_and_not_before(store: Store) -> None:
    b = await acquired(store, "b")
    dbos = Dbos({b.incarnation: ["operation-1"]})
    mine = await watching(store, dbos)
    await mine._look()
    assert not dbos.recovered
    await let_it_run_out(store, "b")
    await mine._look()
    assert dbos.recovered == ["operation-1"]
    assert not await Workers(store, LENGTH).renew(b), "it can never go on under that name and token"


async def test_what_a_process_gave_back_is_taken_up_at_once(store: Store) -> None:
    b = await acquired(store, "b")
    dbos = Dbos({b.incarnation: ["operation-1", "begin-x"]})
    mine = await watching(store, dbos)
    await mine._look()
    await Workers(store, LENGTH).release(b)
    await mine._look()
    assert dbos.recovered == ["operation-1", "begin-x"]


async def test_a_process_that_slept_does_not_end_its_own_lease(store: Store) -> None:
    mine = await watching(store, Dbos())
    await let_it_run_out(store, "a")
    await mine._look()
    assert await Workers(store, LENGTH).renew(mine._held.lease)


async def test_a_lease_that_was_renewed_meanwhile_is_not_ended(store: Store) -> None:
    b, all_workers = await acquired(store, "b"), Workers(store, LENGTH)
    await let_it_run_out(store, "b")
    expired = next(each for each in await all_workers.all() if each.executor == "b")
    assert await all_workers.renew(b)
    assert not await all_workers.end_expired(expired)


async def test_where_the_lock_shows_a_process_a_jump_of_the_clock_ends_nothing(store: Store, tmp_path: Path) -> None:
    b = await acquired(store, "b")
    dbos = Dbos({b.incarnation: ["operation-1"]})
    held = HeldLease(store, Workers(store, LENGTH), await acquired(store, "a"))
    shared = SharedWork(dbos, held.lease.incarnation)
    mine = Takeover(held, shared, lambda worker: is_surely_dead(tmp_path, worker, shared=False))
    await let_it_run_out(store, "b")
    with single_instance_lock(tmp_path, "b"):
        await mine._look()
        assert not dbos.recovered
    await mine._look()
    assert dbos.recovered == ["operation-1"]


async def test_a_process_that_starts_during_the_look_keeps_what_it_takes(store: Store) -> None:
    """It acquires its lease and takes a workflow between the reading of the two tables."""
    b = await acquired(store, "b")
    dbos = Dbos({b.incarnation: ["operation-1"]})
    shared = SharedWork(dbos, "a#1")
    living = await Workers(store, LENGTH).all()  # what a look that reads the leases first would have expired
    c = await acquired(store, "c")
    dbos.pending[c.incarnation] = ["operation-2"]

    async def read() -> frozenset[str]:
        return frozenset(each.incarnation for each in await Workers(store, LENGTH).all())

    assert c.incarnation not in {each.incarnation for each in living}
    await shared.take_up(read)
    assert not dbos.recovered


async def test_two_who_look_at_once_hand_a_workflow_on_once(store: Store) -> None:
    b = await acquired(store, "b")
    dbos = Dbos({b.incarnation: ["operation-1"]})
    await let_it_run_out(store, "b")
    first, second = await watching(store, dbos), await watching(store, dbos)
    await asyncio.gather(first._look(), second._look())
    assert dbos.recovered == ["operation-1"]


UNUSED: dict[str, Any] = {
    "update_workflow_outcome": lambda *_: None,
    "get_queue": lambda *_: None,
    "list_queues": list,
    "engine": SimpleNamespace(dialect=SimpleNamespace(name="sqlite")),
    "_signal_notification": lambda *_: None,
    "_scoped": lambda _: [],
}  # of the engine's database


async def test_a_drained_process_takes_nothing_and_hands_over_what_waits(store: Store) -> None:
    again: list[tuple[str, list[str]]] = []
    taken = ["operation-9"]
    dbos: Any = Dbos()
    dbos._sys_db = SimpleNamespace(
        start_queued_workflows=lambda *_: (taken, None),
        start_queued_partitioned_workflows=lambda *_: taken,
        **UNUSED,
        reenqueue_for_recovery=lambda workflow, executors, _: again.append((workflow, executors)),
    )
    mine = await watching(store, dbos)
    mine._shared.guard_queues()
    mine._shared.may_take = lambda: mine._held.may_take
    assert dbos._sys_db.start_queued_partitioned_workflows(QUEUE) == taken
    continued: list[str] = []

    async def wait(event: asyncio.Event) -> None:
        async with mine._shared.waiting("operation-1"):
            await event.wait()
        continued.append("operation-1")

    woken = asyncio.Event()
    task = asyncio.create_task(wait(woken))
    await mine._look()
    assert not again
    await Workers(store, LENGTH).drain("a", draining=True)
    await mine._look()
    await mine._look()
    assert again == [("operation-1", [mine._held.lease.incarnation])]
    assert dbos._sys_db.start_queued_partitioned_workflows(QUEUE) == []
    assert dbos._sys_db.start_queued_workflows(QUEUE) == ([], None)
    woken.set()
    await asyncio.wait({task}, timeout=0.05)
    assert not continued, "it goes on elsewhere, and never here"
    task.cancel()
    await asyncio.wait({task})


async def test_it_watches_until_it_is_closed(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(takeover, "LONGEST_INTERVAL", 0.01)
    b = await acquired(store, "b")
    dbos = Dbos({b.incarnation: ["operation-1"]})
    mine = await watching(store, dbos)
    await mine.start()
    assert mine._shared.may_take()
    await Workers(store, LENGTH).release(b)
    while not dbos.recovered:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    await mine.close()
    assert not mine._shared.may_take()


async def test_a_signal_ends_the_pause_and_so_does_the_end_of_the_next_lease(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    await acquired(store, "b")
    mine = await watching(store, Dbos())
    await mine.start()
    assert takeover.LONGEST_INTERVAL < mine._next_end <= LENGTH.total_seconds()
    await mine.close()
    monkeypatch.setattr(takeover, "LONGEST_INTERVAL", 86_400.0)
    mine._shared.workers.send()
    await mine._pause()
    monkeypatch.setattr(takeover, "SHORTEST_INTERVAL", 0.01)
    mine._held.shared_database = True
    mine._next_end = -1.0  # one has run out
    await mine._pause()
