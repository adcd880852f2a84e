"""A round: people ask for operations of all kinds and decide, faults befall the machines; then the model checks."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING

from sandbox import waiting
from tests.soak import faults
from tests.soak.model import violations
from tests.soak.model_of_requests import Typed

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from sandbox.slack import Message
    from tests.soak.bench import Bench
    from tests.soak.faults import Fault
    from tests.soak.model_of_requests import Answer

COMMANDS = {
    "/plan staging": "#staging",
    "/plan dev": "#dev",
    "/deploy dev": "#dev",
    "/deploy staging": "#staging",
    "/build": "#ops",
}
# The kind of operation that a command begins, and the beginning of its environment.
OPERATIONS = {
    "/plan staging": ("plan", "staging"),
    "/plan dev": ("plan", "dev"),
    "/deploy dev": ("deploy", "dev"),
    "/deploy staging": ("deploy", "staging"),
    "/build": ("build", "image builds"),
}
WEIGHTS = (4, 3, 3, 2, 1)
REQUESTERS = ("ana", "lee", "max")
QUIET_WITHIN = 90.0  # seconds of an idle machine
DECIDES_EVERY = 0.4  # seconds
REJECTS = 0.12  # of all questions
DOUBLE = 0.3  # of all clicks: two people click at the same moment, and the balancer gives each another process
ACTED_WITHIN = 6.0  # seconds after the round began


@dataclass(frozen=True, slots=True)
class Act:
    """Somebody types a command, seconds after the round began."""

    at: float
    person: str
    command: str


@dataclass(frozen=True, slots=True)
class Round:
    """What a seed stands for."""

    seed: int
    acts: tuple[Act, ...]
    faults: tuple[Fault, ...]

    def __str__(self) -> str:
        acts = ", ".join(f"{each.person} {each.command} at {each.at:.1f} s" for each in self.acts)
        return f"seed {self.seed}: {acts}; {', '.join(map(str, self.faults))}"


def drawn(seed: int, machines: int = 3) -> Round:
    """The round of this seed."""
    rng = Random(seed)  # noqa: S311  -- the seed has to give the same round again
    commands = rng.choices(tuple(COMMANDS), WEIGHTS, k=rng.randint(2, 4))
    acts = [Act(rng.uniform(0, ACTED_WITHIN), rng.choice(REQUESTERS), command) for command in commands]
    return Round(seed, tuple(sorted(acts, key=lambda act: act.at)), faults.drawn(rng, machines))


async def play(bench: Bench, chosen: Round) -> list[str]:
    """Play the round and wait until nothing is open. A sentence for each violation."""
    before = set(violations(bench.observed()))
    rng = Random(chosen.seed)  # noqa: S311  -- as above
    deciding = asyncio.create_task(_decide(bench, rng))
    try:
        tasks = [_later(act.at, _acts(bench, act)) for act in chosen.acts]
        tasks += [_later(fault.at, faults.befalls(bench, fault)) for fault in chosen.faults]
        await asyncio.gather(*tasks)
        await bench.heal()
        stuck = await _quiet(bench)
    finally:
        deciding.cancel()
        await asyncio.wait({deciding})
    if not deciding.cancelled() and (error := deciding.exception()):
        raise error
    return [*stuck, *(each for each in violations(bench.observed()) if each not in before), *_left(bench)]


def _left(bench: Bench) -> list[str]:
    listed = [f"left over: {each}" for each in (*bench.database.left_over(), *bench.database.failed_work())]
    living = [machine.executor for machine in bench.machines]
    listed += [f"left over: a session of {name}" for name in bench.database.sessions(living)]
    if fault := bench.audit_fault():
        listed.append(f"audit log: {fault}")
    return listed


async def _later(seconds: float, work: Awaitable[None]) -> None:
    await asyncio.sleep(seconds)
    await work


async def _acts(bench: Bench, act: Act) -> None:
    channel = COMMANDS[act.command]
    if act.command.startswith("/plan"):
        bench.counters.next_generation(channel.removeprefix("#"))
    reply = await bench.world.person(act.person).type(channel, act.command)
    kind, environment = OPERATIONS[act.command]
    answer: Answer = "unknown" if reply.error or not reply.ok else "refused" if reply.ephemerals else "accepted"
    bench.typed.append(Typed(bench.world.person(act.person).id, kind, environment, answer))


async def _quiet(bench: Bench) -> list[str]:
    timer = waiting.Timer(QUIET_WITHIN)
    while open_work := bench.database.open_work():
        if not timer.remaining():
            return [f"lost: still open after {QUIET_WITHIN:.0f} s: {each}" for each in open_work]
        await bench.heal()  # a process may have ended since: it lost its lease
        await asyncio.sleep(DECIDES_EVERY)
    return []


async def _decide(bench: Bench, rng: Random) -> None:
    """People press Approve or Reject on whatever asks for it, until it asks no more."""
    verdicts: dict[str, str] = {}
    while True:
        await asyncio.sleep(DECIDES_EVERY)
        for message in bench.messages():
            button = _button(message, verdicts, rng)
            if button:
                people = rng.choices(REQUESTERS, k=2 if rng.random() < DOUBLE else 1)
                with suppress(LookupError):  # somebody was faster
                    snapshot = message.snapshot()
                    await asyncio.gather(*(bench.world.person(name).click(snapshot, button) for name in people))


def _button(message: Message, verdicts: dict[str, str], rng: Random) -> str:
    if not any(text.startswith("Approve") for text in message.buttons):
        return ""
    if message.ts not in verdicts:
        verdicts[message.ts] = "reject" if rng.random() < REJECTS else "approve"
    return verdicts[message.ts]
