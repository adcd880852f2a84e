"""Leases: who holds one, who loses it, and that nothing begins without; on SQLite and on PostgreSQL."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from bot.engine.lease import HeldLease
from bot.errors import ConfigError, LeaseLostError
from bot.store.database import Store
from bot.store.operations import Operations
from bot.store.run_claims import RunClaims
from bot.store.workers import Identity, Lease, Worker, Workers, workers

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.unit.bot.conftest import Clock

LENGTH = timedelta(minutes=2)
HERE, THERE = Identity("work", "machine-a", "host-a", "1"), Identity("work", "machine-b", "host-b", "1")


@pytest.fixture
async def other(url: str, store: Store) -> AsyncIterator[Store]:
    """The same database, as another process has it."""
    second = Store(url, store.keyring)
    yield second
    second.close()


async def acquired(store: Store, identity: Identity = HERE) -> Lease:
    lease = await Workers(store, LENGTH).acquire(identity)
    assert isinstance(lease, Lease)
    return lease


async def let_it_run_out(store: Store, executor: str = "work") -> None:
    past = sa.update(workers).where(workers.c.executor == executor).values(lease_until=1.0)
    await store.run(lambda connection: connection.execute(past))


async def test_a_name_that_is_held_on_another_machine_is_refused_and_free_once_released(store: Store) -> None:
    first = await acquired(store)
    holder = await Workers(store, LENGTH).acquire(THERE)
    assert isinstance(holder, Worker)
    assert (holder.host, holder.alive, holder.incarnation) == ("host-a", True, first.incarnation)
    with pytest.raises(ConfigError, match="as 'work' on host-a, seen 0 s ago"):
        await HeldLease.acquire(store, Workers(store, LENGTH), THERE)
    await Workers(store, LENGTH).release(first)
    assert (await acquired(store, THERE)).token > first.token


async def test_the_same_machine_takes_its_name_at_once_and_the_earlier_process_has_lost_it(store: Store) -> None:
    first, second = await acquired(store), await acquired(store)
    assert first.incarnation != second.incarnation
    assert not await Workers(store, LENGTH).renew(first)
    with pytest.raises(LeaseLostError):
        await store.run(first.check)
    await store.run(second.check)


async def test_a_lease_that_ran_out_is_renewed_unless_somebody_ended_it(store: Store) -> None:
    lease, all_workers = await acquired(store), Workers(store, LENGTH)
    await let_it_run_out(store)
    with pytest.raises(LeaseLostError):
        await store.run(lease.check)
    assert await all_workers.renew(lease), "nobody took what it left"
    await store.run(lease.check)
    await let_it_run_out(store)
    assert await all_workers.end_expired((await all_workers.all())[0])
    assert not await all_workers.renew(lease)
    assert [each.ended for each in await all_workers.all()] == [True]


async def test_a_valid_lease_is_not_ended(store: Store) -> None:
    lease, all_workers = await acquired(store), Workers(store, LENGTH)
    assert not await all_workers.end_expired((await all_workers.all())[0])
    assert await all_workers.renew(lease)


async def test_of_many_who_want_a_name_that_ran_out_one_has_it(store: Store, other: Store) -> None:
    await acquired(store)
    await let_it_run_out(store)
    machines = [Identity("work", f"machine-{number}", f"host-{number}", "1") for number in range(8)]
    both = Workers(store, LENGTH), Workers(other, LENGTH)
    answers = await asyncio.gather(*(both[n % 2].acquire(each) for n, each in enumerate(machines)))
    assert sum(isinstance(answer, Lease) for answer in answers) == 1


async def test_no_effect_begins_without_the_lease_and_none_is_marked(store: Store, other: Store, clock: Clock) -> None:
    lost: list[str] = []
    held = HeldLease(store, Workers(store, LENGTH), await acquired(store), lambda: lost.append("lost"))
    store.fence, operations = held.fence, Operations(store, clock)
    assert await operations.begin_side_effect(1, "apply")
    await acquired(other)  # the process was taken for dead, and another began in its place
    with pytest.raises(LeaseLostError):
        await operations.begin_side_effect(2, "apply")
    assert lost == ["lost"]
    assert await Operations(other, clock).begin_side_effect(2, "apply"), "nothing was marked"


async def test_an_effect_long_after_its_mark_begins_only_if_nobody_took_the_lease(
    store: Store, other: Store, clock: Clock
) -> None:
    """As after SIGSTOP or the sleep of a machine between the transaction and the call."""
    lost: list[str] = []
    held = HeldLease(store, Workers(store, timedelta(0)), await acquired(store), lambda: lost.append("lost"))
    store.check_lease, operations = held.confirm, Operations(store, clock)
    assert await operations.begin_side_effect(1, "apply"), "nobody took what the sleeping process left"
    await acquired(other)
    with pytest.raises(LeaseLostError):
        await operations.begin_side_effect(2, "apply")
    assert lost == ["lost"]
    assert not await Operations(other, clock).begin_side_effect(2, "apply"), "it was marked, and has to be recovered"


async def test_after_a_sleep_a_process_that_nobody_replaced_goes_on(store: Store, clock: Clock) -> None:
    lost: list[str] = []
    held = HeldLease(store, Workers(store, LENGTH), await acquired(store), lambda: lost.append("lost"))
    store.fence, store.check_lease = held.fence, held.confirm
    await let_it_run_out(store)
    held._confirmed -= 1_000
    before = held.may_take
    assert await Operations(store, clock).begin_side_effect(1, "apply")
    assert held.remaining > 100
    assert (before, held.may_take) == (False, True)
    assert not lost


async def test_a_request_to_start_a_workflow_is_fenced_as_well(store: Store, other: Store, clock: Clock) -> None:
    lost: list[str] = []
    held = HeldLease(store, Workers(store, LENGTH), await acquired(store), lambda: lost.append("lost"))
    store.fence = held.fence
    await acquired(other)
    with pytest.raises(LeaseLostError):
        await RunClaims(store, clock).begin_dispatch(1, "deploy.yml")
    with pytest.raises(LeaseLostError):
        await Operations(store, clock).require_lease()
    assert not await RunClaims(store, clock).was_dispatched(1)
    assert lost == ["lost", "lost"]


async def test_the_thread_renews_and_notices_that_somebody_took_the_lease(store: Store, other: Store) -> None:
    lost = asyncio.Event()
    loop = asyncio.get_running_loop()
    short = Workers(store, timedelta(seconds=1.2))

    def report() -> None:
        loop.call_soon_threadsafe(lost.set)

    held = await HeldLease.acquire(store, short, HERE, report)
    first = (await short.all())[0]
    while (await short.all())[0].valid_for <= first.valid_for - 0.1 or held.remaining < 0.9:  # noqa: ASYNC110
        await asyncio.sleep(0.05)
    await acquired(other)
    await lost.wait()
    await asyncio.to_thread(held.stop)
