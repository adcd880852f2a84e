"""How work spreads: what a process leaves to others, by the rule alone and by what the database says of workers and room."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest
from hypothesis import given, strategies as st

from bot.config import read
from bot.operations.queue import CROWDED, QueueDisplay
from bot.operations.registry import Kind
from bot.operations.room import Room
from bot.operations.spreading import Queued, Spreading, left_to_others
from bot.store.operations import Operations, Request, Status
from bot.store.run_slots import Place, Precedence, RunSlots
from bot.store.workers import Identity, Lease, Workers
from tests.unit.bot.config.test_worker_labels import FILE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.config import Environment
    from bot.operations.operation import Operation
    from bot.services import Services
    from bot.store.database import Store

NUMBERS = st.integers(1, 10_000)
QUEUED = st.lists(
    st.builds(Queued, NUMBERS, st.sampled_from(Precedence), st.integers(0, 4)),
    max_size=20,
    unique_by=lambda each: each.number,
)


@given(QUEUED, st.integers(0, 9))
def test_what_is_left_may_run_elsewhere_and_is_the_least_urgent(queued: list[Queued], free: int) -> None:
    deferred = left_to_others(queued, free)
    by_number = {each.number: each for each in queued}
    assert all(by_number[number].others for number in deferred), "nobody else takes it"
    taken = [each for each in queued if each.number not in deferred]
    shared = [each for each in taken if each.others]
    assert not shared or len(taken) <= free, "more than fits is only taken where no other machine may take it"
    assert shared or not deferred or len(taken) >= free, "there is room, and something that would fit is left"
    assert all(
        (each.precedence, each.number) < (by_number[number].precedence, number)
        for each in shared
        for number in deferred
    )


@given(
    st.lists(st.integers(1, 3), min_size=1, max_size=4),
    st.lists(st.tuples(st.integers(1, 5), st.sampled_from(Precedence)), max_size=25),
    st.randoms(use_true_random=False),
)
def test_no_machine_is_idle_while_something_waits_that_it_may_run(
    rooms: list[int], work: list[tuple[int, Precedence]], random: Any
) -> None:
    """Machines poll in any order. A model counts time; all that is queued ends, each once, and soonest where there is room."""
    queued = dict(enumerate(work, start=1))
    running: list[dict[int, int]] = [{} for _ in rooms]
    ended = list[int]()
    while queued or any(running):
        for _ in range(len(work) + 1):  # polls until nobody takes anything
            for machine in random.sample(range(len(rooms)), len(rooms)):
                heads = [Queued(number, precedence, len(rooms) - 1) for number, (_, precedence) in queued.items()]
                free = max(0, rooms[machine] - len(running[machine]))
                for number in queued.keys() - left_to_others(heads, free):
                    running[machine][number] = queued.pop(number)[0]
        assert not queued or all(len(runs) >= room for runs, room in zip(running, rooms, strict=True))
        assert len(rooms) == 1 or all(len(runs) <= room for runs, room in zip(running, rooms, strict=True))
        for runs in running:
            over = [number for number, rest in runs.items() if rest == 1]
            ended += over
            runs.update({number: rest - 1 for number, rest in runs.items()})
            for number in over:
                del runs[number]
    assert sorted(ended) == list(range(1, len(work) + 1))


@given(st.integers(1, 6), st.integers(1, 40))
def test_a_machine_with_much_room_takes_only_its_share(machines: int, count: int) -> None:
    queued = [Queued(number, Precedence.PLAN, machines - 1) for number in range(1, count + 1)]
    taken = count - len(left_to_others(queued, 1_000))
    assert taken == (-(-count // machines) if machines > 1 else count)


async def workflow(operation: Operation) -> None:
    raise NotImplementedError(operation)


def room_of(environment: Environment) -> Precedence:
    del environment
    return Precedence.PLAN


KINDS = (Kind("plan", workflow, begins_in_room=room_of), Kind("build", workflow))
BOTH_LABELS = ("prod", "eu")
ENVIRONMENTS = "\n".join(
    f'  e{n}: {{channel: "#e", deploy: {{github_actions: {{workflow: d.yml}}}}}}' for n in range(4)
)
CONFIG = read(f"{FILE}{ENVIRONMENTS}\n", "signalbox.yaml")


class Process:
    """A process with a lease, room for so many runs on its machine, and the rule."""

    def __init__(self, store: Store, lease: Lease, place: Place) -> None:
        self.room = Room(RunSlots(store, lease, place), "host")
        self.display = QueueDisplay()
        self.workers = Workers(store, timedelta(minutes=2))
        self.services = SimpleNamespace(
            config=CONFIG, operations=Operations(store, lambda: 1.0), queue_display=self.display, room=self.room,
            lease=SimpleNamespace(workers=self.workers, lease=lease),
        )  # fmt: skip
        self.spreading = Spreading(cast("Services", self.services), KINDS)
        self.store = store

    async def deferred(self, numbers: Sequence[int]) -> set[int]:
        """What it leaves of these; it takes the rest."""
        deferred = set(await self.store.run(lambda connection: self.spreading.deferred(connection, numbers)))
        self.spreading.took([number for number in numbers if number not in deferred])
        return deferred

    async def crowded(self) -> set[int]:
        return set(await self.spreading.crowded(await self.workers.all()))


async def process(store: Store, name: str, *labels: str, machine: str = "", **more: Any) -> Process:
    identity = Identity(name, machine or f"machine-{name}", "host", more.pop("version", "1"), labels, **more)
    lease = await Workers(store, timedelta(minutes=2)).acquire(identity)
    assert isinstance(lease, Lease)
    return Process(store, lease, Place(identity.machine, 2))


async def requested(store: Store, environment: str, kind: str = "plan", status: Status = Status.WAITING) -> int:
    operations = Operations(store, lambda: 1.0)
    key = f"{environment} {kind} {status}"
    number = await operations.create(Request(key, kind, environment, "U0ANA", "Plan", "C0STAGING", {}))
    await operations.set_message(number, "C0STAGING", f"{number}.1")
    await operations.set_status(number, status)
    return number


def noted(_: str) -> None:
    """What an operation reads while it waits."""


async def test_two_machines_share_what_is_queued_and_leave_what_has_no_room(store: Store) -> None:
    a, b = await process(store, "a"), await process(store, "b")
    plans = [await requested(store, f"e{n}") for n in range(4)]
    assert await a.deferred(plans) == set(plans[2:]), "its share is half, the oldest first"
    assert await a.deferred(plans[2:]) == set(plans[2:]), "what it took counts before it asks for room"
    assert await b.deferred(plans[2:]) == {plans[3]}
    assert await b.deferred(plans[3:]) == set()
    later = [await requested(store, "e0", "plan", Status.APPROVAL), await requested(store, "e1", "build")]
    assert await b.deferred(later) == set(), "one needs no room now, the other had begun"


@pytest.mark.parametrize(
    "other",
    [{"machine": "machine-a"}, {"version": "0"}, {"takes_operations": False}],
    ids=["the same machine", "another version", "only answers"],
)
async def test_who_has_nobody_to_leave_it_to_takes_everything(store: Store, other: dict[str, Any]) -> None:
    a = await process(store, "a", *BOTH_LABELS)
    await process(store, "b", **other)
    await process(store, "c", "prod")  # may take the others, and not staging
    staging = await requested(store, "staging")
    await a.room.enter(90, Precedence.PLAN, 2, noted)
    assert await a.deferred([staging]) == set()
    plan = await requested(store, "e0")
    assert await a.deferred([plan]) == {plan}
    assert await a.workers.drain("c", draining=True)
    assert await a.deferred([plan]) == set()
    await a.room.close()


async def test_a_neighbour_on_the_same_machine_takes_of_its_room(store: Store) -> None:
    a, neighbour = await process(store, "a"), await process(store, "a2", machine="machine-a")
    await process(store, "b")
    await neighbour.room.enter(90, Precedence.PLAN, 2, noted)
    plan = await requested(store, "e0")
    assert await a.deferred([plan]) == {plan}
    freed = list[str]()
    neighbour.room.freed = lambda: freed.append("signal")
    neighbour.room.leave(90)
    assert freed == ["signal"], "whoever left something polls again"
    await neighbour.room.close()
    await neighbour.workers.release(neighbour.services.lease.lease)
    assert await a.deferred([plan]) == set()


async def test_who_waits_because_every_machine_is_full_is_known(store: Store) -> None:
    a, b = await process(store, "a"), await process(store, "b")
    plan = await requested(store, "e0")
    await requested(store, "e1", "build")
    assert await a.crowded() == set()
    await a.room.enter(90, Precedence.PLAN, 2, noted)
    assert await a.crowded() == set(), "there is room on the other one"
    await b.room.enter(91, Precedence.PLAN, 2, noted)
    assert await a.crowded() == {plan}
    a.display.crowded(frozenset({plan}))
    record, services = await Operations(store, lambda: 1.0).get(plan), cast("Services", a.services)
    due = await a.display._first_due(services, "e0")
    assert due
    assert due[:3] == (0, record, CROWDED)
    await a.workers.drain("b", draining=True)
    assert await a.crowded() == set(), "the only one takes it"
    for each in (a, b):
        await each.room.close()
