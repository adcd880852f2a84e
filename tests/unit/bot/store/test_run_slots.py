"""Slots of runs: never more than a machine and all together take, in order, and free again when a process is gone."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from hypothesis import given, strategies as st

from bot.store.run_slots import Claim, Place, Precedence, RunSlots, Stored, next_granted
from bot.store.workers import Identity, Lease, Workers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.store.database import Store

LENGTH = timedelta(minutes=2)
LIMITS = {"a": 1, "b": 3}
WAITING = st.builds(
    Stored,
    operation=st.integers(1, 10_000),
    machine=st.sampled_from(sorted(LIMITS)),
    at_most=st.just(0),
    precedence=st.sampled_from(sorted(Precedence)),
    runs=st.integers(1, 4),
    asked_at=st.floats(0, 100),
    granted=st.just(value=False),
)
CLAIMS = st.lists(WAITING, max_size=12, unique_by=lambda each: each.operation).map(
    lambda claims: [replace(each, at_most=LIMITS[each.machine]) for each in claims]
)


def urgency(claim: Stored) -> tuple[int, float, int]:
    return claim.precedence, claim.asked_at, claim.operation


@given(CLAIMS, st.none() | st.integers(1, 4))
def test_all_get_room_in_order_and_no_limit_is_passed(claims: Sequence[Stored], total: int | None) -> None:
    """One after the other ends, until nothing is left; a model counts what runs."""
    waiting = {claim.operation: claim for claim in claims}
    running: dict[int, Stored] = {}
    while waiting or running:
        granted = next_granted([*waiting.values(), *running.values()], total)
        assert granted or running, "somebody waits though nothing runs"
        for number in granted:
            claim = waiting.pop(number)
            on_machine = [each for each in waiting.values() if each.machine == claim.machine]
            assert all(urgency(claim) < urgency(each) for each in on_machine), "it passed another one of its machine"
            running[number] = replace(claim, granted=True)
        on = Counter[str]()
        for each in running.values():
            on[each.machine] += each.runs
        for machine, runs in on.items():
            alone = len([each for each in running.values() if each.machine == machine]) == 1
            assert runs <= LIMITS[machine] or alone
        assert total is None or on.total() <= total or len(running) == 1
        assert not next_granted([*waiting.values(), *running.values()], total), "one look grants all that has room"
        del running[min(running)]


async def process(store: Store, name: str, machine: str, at_most: int, total: int | None = None) -> RunSlots:
    lease = await Workers(store, LENGTH).acquire(Identity(name, f"{machine}", f"host-{machine}", "1"))
    assert isinstance(lease, Lease)
    return RunSlots(store, lease, Place(machine, at_most, total))


def claim(number: int, precedence: Precedence = Precedence.PLAN, *, granted: bool = False) -> Claim:
    return Claim(number, precedence, granted=granted)


async def test_processes_of_a_machine_share_its_slots_and_a_decision_comes_first(store: Store) -> None:
    first, second = await process(store, "one", "m", 2), await process(store, "two", "m", 2)
    standing = await first.state([claim(1), claim(2), claim(3)])
    assert standing.granted == {1, 2}
    assert (standing.here, standing.runs_here) == ((1, 2), 2)
    assert not (await second.state([claim(4, Precedence.DECIDED), claim(5, Precedence.DRIFT_CHECK)])).granted
    running = [claim(2, granted=True), claim(3)]
    assert (await first.state(running)).granted == {2}, "the room is for the decided apply of the other process"
    assert (await second.state([claim(4, Precedence.DECIDED), claim(5, Precedence.DRIFT_CHECK)])).granted == {4}
    assert (await first.state([claim(3)])).granted == {3}
    assert (await first.state([])).runs_here == 1
    assert (await second.state([claim(4, granted=True), claim(5, Precedence.DRIFT_CHECK)])).granted == {4, 5}


async def test_the_total_holds_for_all_machines(store: Store) -> None:
    a, b = await process(store, "a", "a", 2, total=3), await process(store, "b", "b", 2, total=3)
    assert (await a.state([claim(1), claim(2)])).granted == {1, 2}
    standing = await b.state([claim(3), claim(4)])
    assert standing.granted == {3}
    assert (standing.runs_here, standing.runs_in_all) == (1, 3)
    await a.state([claim(2, granted=True)])
    assert (await b.state([claim(3, granted=True), claim(4)])).granted == {3, 4}


async def test_a_process_that_is_gone_frees_its_slots_and_its_place(store: Store) -> None:
    dead, alive = await process(store, "dead", "m", 1), await process(store, "alive", "m", 1)
    assert (await dead.state([claim(1), claim(2, Precedence.DECIDED)])).granted == {2}
    assert not (await alive.state([claim(3, Precedence.DRIFT_CHECK)])).granted
    await Workers(store, LENGTH).release(dead._lease)
    assert (await alive.state([claim(3, Precedence.DRIFT_CHECK)])).granted == {3}


async def test_an_operation_that_another_process_continues_is_counted_once(store: Store) -> None:
    dead, alive = await process(store, "dead", "m", 1), await process(store, "alive", "m", 1)
    await dead.state([claim(1)])
    await Workers(store, LENGTH).release(dead._lease)
    standing = await alive.state([claim(1, granted=True), claim(2)])
    assert standing.granted == {1}, "its program runs: it counts whether there is room or not"
    assert standing.runs_here == 1


async def test_many_processes_at_once_never_pass_the_limit(store: Store) -> None:
    slots = [await process(store, f"p{number}", "m", 3) for number in range(6)]
    own = [[claim(10 * number + each) for each in range(4)] for number in range(6)]
    standings = await asyncio.gather(*(each.state(claims) for each, claims in zip(slots, own, strict=True)))
    assert sum(len(standing.granted) for standing in standings) == 3
