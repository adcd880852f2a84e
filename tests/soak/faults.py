"""What befalls the machines of the bench, drawn from a seed."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.soak.bench import LEASE
from tests.soak.machines import CLOCK_OFF, REACHED

if TYPE_CHECKING:
    from random import Random

    from tests.soak.bench import Bench
    from tests.soak.machines import Machine

KINDS = (
    *("kill", "kill", "polite", "freeze", "gone"),
    *(f"{mode} {what}" for what in REACHED for mode in ("cut", "hung")),
    "clock",
    "update",
)
FIRST, LAST = 0.5, 8.0  # seconds after a round began
LONGEST = 2.5 * LEASE


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault of one machine: seconds after the round began, and for how many seconds."""

    kind: str
    machine: int
    at: float
    lasts: float

    def __str__(self) -> str:
        return f"{self.kind} on {'abc'[self.machine]} at {self.at:.1f} s for {self.lasts:.1f} s"


def drawn(rng: Random, machines: int) -> tuple[Fault, ...]:
    """Two to four faults. Slack refuses a process that answers it with a clock that is off, so that befalls the worker only."""
    listed = []
    for _ in range(rng.randint(2, 4)):
        kind = rng.choice(KINDS)
        machine = rng.randrange(2 if kind == "clock" else 0, machines)
        listed.append(Fault(kind, machine, rng.uniform(FIRST, LAST), rng.uniform(0.5, LONGEST)))
    return tuple(sorted(listed, key=lambda fault: fault.at))


async def befalls(bench: Bench, fault: Fault) -> None:
    """Bring it about, and end it."""
    machine = bench.machines[fault.machine]
    async with machine.lock:
        if not machine.running:
            return
        bench.befell[fault.kind] += 1
        if " " in fault.kind:
            await _partition(bench, machine, fault)
        elif fault.kind == "freeze":
            machine.freeze()
            await asyncio.sleep(fault.lasts)
            machine.thaw()
        else:
            await _ends(machine, fault)


async def _partition(bench: Bench, machine: Machine, fault: Fault) -> None:
    mode, _, what = fault.kind.partition(" ")
    if what == "database":
        bench.out_of_reach.add(machine.executor)
    if what == "aws":
        bench.aws.cut_off.add(machine.executor)
    machine.cuts[what].set("cut" if mode == "cut" else "hung")
    await asyncio.sleep(fault.lasts)
    machine.cuts[what].set("open")


async def _ends(machine: Machine, fault: Fault) -> None:
    process = machine.process
    if process is None:
        return
    if fault.kind == "update":
        await machine.update()
        return
    if fault.kind == "gone":
        await machine.lose()
        await asyncio.sleep(fault.lasts)
    elif fault.kind == "kill":
        await process.kill()
        await asyncio.sleep(fault.lasts / 3)
    else:  # a polite stop; with "clock" the next start has another clock
        await process.stop()
        machine.clock = CLOCK_OFF if fault.kind == "clock" else ""
    await machine.start()
