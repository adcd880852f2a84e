"""A round: people ask for operations of all kinds and decide, faults befall the machines; then the model checks."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING

from sandbox import waiting
from tests.soak import faults, people
from tests.soak.model import violations

if TYPE_CHECKING:
    from collections.abc import Coroutine, Sequence

    from tests.soak.bench import Bench
    from tests.soak.faults import Fault
    from tests.soak.people import Command

QUIET_WITHIN = 90.0  # seconds of an idle machine
ACTED_WITHIN = 6.0  # seconds of an idle machine after the round began
# Seconds of an idle machine from the beginning of a round to that of the next. On a slower machine rounds overlap more.
BEGINS_EVERY = 5.0
SLOWEST = 3.0  # times as slow as an idle machine


@dataclass(frozen=True, slots=True)
class Act:
    """Somebody types a command, seconds of an idle machine after the round began."""

    at: float
    person: str
    command: Command


@dataclass(frozen=True, slots=True)
class Round:
    """What a seed stands for."""

    seed: int
    acts: tuple[Act, ...]
    faults: tuple[Fault, ...]

    def __str__(self) -> str:
        acts = ", ".join(f"{each.person} {each.command.text} at {each.at:.1f} s" for each in self.acts)
        return f"seed {self.seed}: {acts}; {', '.join(map(str, self.faults))}"


def drawn(seed: int, machines: int = 3) -> Round:
    """The round of this seed."""
    rng = Random(seed)  # noqa: S311  -- the seed has to give the same round again
    weights = [command.weight for command in people.COMMANDS]
    commands = rng.choices(people.COMMANDS, weights, k=rng.randint(2, 4))
    acts = [Act(rng.uniform(0, ACTED_WITHIN), rng.choice(people.REQUESTERS), command) for command in commands]
    return Round(seed, tuple(sorted(acts, key=lambda act: act.at)), faults.drawn(rng, machines))


async def play(bench: Bench, chosen: Sequence[Round]) -> list[str]:
    """Play rounds that overlap, and wait until nothing is open. A sentence for each violation."""
    before = set(violations(bench.observed()))
    rng = Random(chosen[0].seed)  # noqa: S311  -- as above
    async with asyncio.TaskGroup() as group:  # what fails ends the others at once
        beside = [group.create_task(work) for work in (people.Deciders(bench, rng).decide(), _keep_running(bench))]
        async with asyncio.TaskGroup() as played:
            for number, each in enumerate(chosen):
                played.create_task(_later(number * BEGINS_EVERY, _play(bench, each)))
        await bench.heal()
        stuck = await _quiet(bench)
        for task in beside:
            task.cancel()
    return [*stuck, *(each for each in violations(bench.observed()) if each not in before), *_left(bench)]


async def _play(bench: Bench, chosen: Round) -> None:
    async with asyncio.TaskGroup() as group:
        for act in chosen.acts:
            group.create_task(_later(act.at, people.act(bench, act.person, act.command)))
        for fault in chosen.faults:
            group.create_task(_later(fault.at, faults.befalls(bench, fault)))


async def _keep_running(bench: Bench) -> None:
    """Start what has ended without a fault, as a service manager does: a process that lost its lease ends itself."""
    while True:
        await asyncio.sleep(people.DECIDES_EVERY)
        for machine in bench.machines:
            if not machine.running and not machine.lock.locked():
                async with machine.lock:
                    await machine.start_again()


def _left(bench: Bench) -> list[str]:
    listed = [f"left over: {each}" for each in (*bench.database.left_over(), *bench.database.failed_work())]
    living = [machine.executor for machine in bench.machines]
    listed += [f"left over: a session of {name}" for name in bench.database.sessions(living)]
    if fault := bench.audit_fault():
        listed.append(f"audit log: {fault}")
    return listed


async def _later(seconds: float, work: Coroutine[None, None, None]) -> None:
    await asyncio.sleep(seconds * min(waiting.slowness(), SLOWEST))
    await work


async def _quiet(bench: Bench) -> list[str]:
    timer = waiting.Timer(QUIET_WITHIN)
    while open_work := bench.open_work():
        if not timer.remaining():
            return [f"lost: still open after {QUIET_WITHIN:.0f} s: {each}" for each in open_work]
        await bench.heal()  # a process may have ended since: it lost its lease
        await asyncio.sleep(people.DECIDES_EVERY)
    return []
