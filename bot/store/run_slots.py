"""Slots of runs: how many programs (terraform, ansible) go on together, on each machine and in all.

Each process states its claims: what it runs, and what waits for room. A claim counts while its process holds its lease, so
a killed process frees its slots. These rows decide nothing but when a run starts: forged ones can only delay it.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

import sqlalchemy as sa

from bot.store.database import Store, lock_transaction, metadata
from bot.store.workers import now, workers

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from bot.store.workers import Lease

LOCK = 0x52554E53  # "RUNS"

run_slots = sa.Table(
    "signalbox_run_slots",
    metadata,
    sa.Column("operation", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("executor", sa.String(60), nullable=False),  # the process of the claim, with the token of its lease
    sa.Column("token", sa.BigInteger, nullable=False),
    sa.Column("machine", sa.String(40), nullable=False),
    sa.Column("at_most", sa.Integer, nullable=False),  # runs on that machine
    sa.Column("precedence", sa.Integer, nullable=False),
    sa.Column("runs", sa.Integer, nullable=False),  # programs that the operation runs together
    sa.Column("asked_at", sa.Double, nullable=False),  # Unix seconds by the database's clock
    sa.Column("granted", sa.Boolean, nullable=False),
)


class Precedence(IntEnum):
    """Who gets room first."""

    DECIDED = 0  # the apply of an approved plan, a deploy
    PLAN = 1
    DRIFT_CHECK = 2


@dataclass(frozen=True, slots=True)
class Claim:
    """What an operation wants to run, or runs (`granted`): so many programs together."""

    operation: int
    precedence: Precedence
    runs: int = 1
    granted: bool = False


@dataclass(frozen=True, slots=True)
class Place:
    """The machine of a process, and how many runs it takes; `total` is the limit of all machines together, if there is one."""

    machine: str
    at_most: int
    total: int | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """Who runs now: the operations of this process with a slot, those on this machine, and how many programs run there and in all."""

    granted: frozenset[int]
    here: tuple[int, ...]
    runs_here: int
    runs_in_all: int


@dataclass(frozen=True, slots=True)
class Stored:
    """A claim as all processes see it."""

    operation: int
    machine: str
    at_most: int
    precedence: int
    runs: int
    asked_at: float
    granted: bool


def next_granted(claims: Collection[Stored], total: int | None) -> tuple[int, ...]:
    """The waiting operations that get room now, in order: by precedence, then the one that asked first.

    One that does not fit holds up those behind it on its machine, so that it cannot be passed for ever. One with more
    runs than a machine takes gets the machine alone.
    """
    on = Counter[str]()
    for claim in claims:
        if claim.granted:
            on[claim.machine] += claim.runs
    blocked, granted = set[str](), []
    for claim in sorted(claims, key=lambda each: (each.precedence, each.asked_at, each.operation)):
        if claim.granted or claim.machine in blocked:
            continue
        if not _fits(claim.runs, on[claim.machine], claim.at_most):
            blocked.add(claim.machine)
            continue
        if total is not None and not _fits(claim.runs, on.total(), total):
            break
        on[claim.machine] += claim.runs
        granted.append(claim.operation)
    return tuple(granted)


def _fits(runs: int, present: int, limit: int) -> bool:
    return present == 0 or present + runs <= limit


class RunSlots:
    """The claims of the process that holds this lease. Every method is one transaction."""

    def __init__(self, store: Store, lease: Lease, place: Place) -> None:
        self._store = store
        self._lease = lease
        self.place = place

    async def state(self, claims: Sequence[Claim]) -> Standing:
        """State all claims of this process; those that are not among them are given up. Grants what has room now.

        A claim that is `granted` already counts whether there is room or not: its program runs.
        """
        return await self._store.run(lambda connection: self._state(connection, claims))

    def claimed_by_others(self, connection: sa.Connection) -> int:
        """How many programs the other processes on this machine run, or want to, in the caller's transaction."""
        own = (run_slots.c.executor == self._lease.executor) & (run_slots.c.token == self._lease.token)
        others = (run_slots.c.machine == self.place.machine) & ~own & _holder_lives()
        return int(connection.scalar(sa.select(sa.func.coalesce(sa.func.sum(run_slots.c.runs), 0)).where(others)) or 0)

    async def full_machines(self) -> frozenset[str]:
        """The machines that run, or have taken, as much as they take."""

        def work(connection: sa.Connection) -> frozenset[str]:
            rows = connection.execute(_SELECT.where(_holder_lives())).all()
            claims, on, most = [Stored(*row) for row in rows], Counter[str](), dict[str, int]()
            for claim in claims:
                on[claim.machine] += claim.runs
                most[claim.machine] = max(claim.at_most, most.get(claim.machine, 0))
            return frozenset(machine for machine, runs in on.items() if runs >= most[machine])

        return await self._store.run(work)

    def _state(self, connection: sa.Connection, claims: Sequence[Claim]) -> Standing:
        lock_transaction(connection, LOCK)
        own = (run_slots.c.executor == self._lease.executor) & (run_slots.c.token == self._lease.token)
        connection.execute(sa.delete(run_slots).where(~_holder_lives()))
        connection.execute(sa.delete(run_slots).where(own, run_slots.c.operation.not_in([c.operation for c in claims])))
        for claim in claims:
            self._enter(connection, claim)
        stored = [Stored(*row) for row in connection.execute(_SELECT)]
        mine = {claim.operation for claim in claims}
        new = [number for number in next_granted(stored, self.place.total) if number in mine]
        if new:
            grant = sa.update(run_slots).where(own, run_slots.c.operation.in_(new)).values(granted=True)
            connection.execute(grant)
        running = [each for each in stored if each.granted or each.operation in new]
        here = [each for each in running if each.machine == self.place.machine]
        return Standing(
            frozenset(each.operation for each in running) & mine,
            tuple(sorted(each.operation for each in here)),
            sum(each.runs for each in here),
            sum(each.runs for each in running),
        )

    def _enter(self, connection: sa.Connection, claim: Claim) -> None:
        row = {
            "executor": self._lease.executor,
            "token": self._lease.token,
            "machine": self.place.machine,
            "at_most": self.place.at_most,
            "precedence": int(claim.precedence),
            "runs": claim.runs,
        }
        changed = row | ({"granted": True} if claim.granted else {})
        update = sa.update(run_slots).where(run_slots.c.operation == claim.operation).values(changed)
        if connection.scalar(update.returning(run_slots.c.operation)) is None:
            new = {**row, "operation": claim.operation, "asked_at": now(connection), "granted": claim.granted}
            connection.execute(sa.insert(run_slots).values(new))


_COLUMNS = ("operation", "machine", "at_most", "precedence", "runs", "asked_at", "granted")
_SELECT = sa.select(*(run_slots.c[name] for name in _COLUMNS))


def _holder_lives() -> sa.ColumnElement[bool]:
    holds = (workers.c.executor == run_slots.c.executor) & (workers.c.token == run_slots.c.token) & ~workers.c.ended
    return sa.exists(sa.select(workers.c.executor).where(holds))
