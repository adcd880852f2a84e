"""How work spreads: a process leaves in the queue what would wait for room on its machine and may run on another one."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

import sqlalchemy as sa

from bot.config import worker_labels
from bot.config.targets import queue_of, without_lane
from bot.operations.attendance import state_of
from bot.store.operation_tables import operations
from bot.store.operations import Status
from bot.store.workers import read_workers

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from bot.operations.registry import Kind
    from bot.services import Services
    from bot.store.run_slots import Precedence
    from bot.store.workers import Worker


@dataclass(frozen=True, slots=True)
class Queued:
    """An operation that needs room as soon as it is taken, and how many other machines may take it."""

    number: int
    precedence: Precedence
    others: int


def left_to_others(queued: Collection[Queued], free: int) -> frozenset[int]:
    """Those of them that a process leaves when `free` more runs fit on its machine.

    What no other machine may take is never left. Of the rest it takes the most urgent, at most what fits beside, and at
    most its share, so that a machine with much room does not take what would run faster on an idle one.
    """
    shared = sorted((each for each in queued if each.others), key=lambda each: (each.precedence, each.number))
    share = math.ceil(sum(Fraction(1, 1 + each.others) for each in shared))
    fits = free - (len(queued) - len(shared))
    return frozenset(each.number for each in shared[max(0, min(fits, share)) :])


class Spreading:
    """The rule with what the database says of the workers and their room. bot/engine/shared_work.py asks before each take."""

    def __init__(self, services: Services, kinds: Iterable[Kind]) -> None:
        self._services = services
        self._kinds = {kind.name: kind for kind in kinds}
        self._labels = worker_labels.needed(services.config)
        self._needing: Mapping[int, Precedence] = {}

    def deferred(self, connection: sa.Connection, numbers: Collection[int]) -> frozenset[int]:
        """Those of these operations that this process leaves to others now."""
        columns = operations.c.number, operations.c.kind, operations.c.environment
        # One that had begun may follow a program that runs, or wait for an approval: it goes on whether there is room or not.
        new = operations.c.number.in_(numbers), operations.c.status == Status.WAITING.value
        rows = connection.execute(sa.select(*columns).where(*new)).all()
        needed = {row.number: (self._precedence(row.kind, row.environment), row.environment) for row in rows}
        needing = {number: each for number, (each, _) in needed.items() if each is not None}
        self._needing = needing
        if not needing:
            return frozenset()
        others = self._others(read_workers(connection))
        queued = [
            Queued(number, precedence, len(self._able(needed[number][1], others)))
            for number, precedence in needing.items()
        ]
        return left_to_others(queued, self._services.room.free(connection))

    def took(self, numbers: Collection[int]) -> None:
        """Count those that need room until they ask for it."""
        for number in self._needing.keys() & set(numbers):
            self._services.room.expect(number)

    async def crowded(self, workers: Collection[Worker]) -> frozenset[int]:
        """The operations that are first in their queues and wait there because each machine that may run them is full.

        Raises DatabaseAwayError.
        """
        full, services = await self._services.room.full_machines(), self._services
        working = [worker for worker in workers if state_of(worker) == "working"]
        if not full:
            return frozenset()
        crowded = set[int]()
        for environment in await services.operations.queues():
            for first in (await services.operations.open_in(*queue_of(services.config, environment)))[:1]:
                able = self._able(first.environment, working)
                waits = first.status is Status.WAITING and self._precedence(first.kind, first.environment) is not None
                if waits and len(able) > 1 and able <= full:  # the only one takes everything
                    crowded.add(first.number)
        return frozenset(crowded)

    def _precedence(self, kind: str, environment: str) -> Precedence | None:
        registered, target = self._kinds.get(kind), self._services.config.environments.get(without_lane(environment))
        return None if registered is None or target is None else registered.begins_in_room(target)

    def _others(self, workers: Collection[Worker]) -> list[Worker]:
        """The workers on other machines that take operations of this version."""
        own = self._services.lease.lease.incarnation
        mine = next((worker for worker in workers if worker.incarnation == own), None)
        return [
            worker
            for worker in workers
            if mine
            and state_of(worker) == "working"
            and worker.machine != mine.machine
            and worker.version == mine.version
        ]

    def _able(self, environment: str, workers: Collection[Worker]) -> frozenset[str]:
        """The machines of those of these workers that have the labels of the environment's queue."""
        needed = self._labels.get(without_lane(environment), set())
        return frozenset(worker.machine for worker in workers if needed <= set(worker.labels))


def spread_work(services: Services, kinds: Iterable[Kind]) -> Spreading:
    """Let the engine take what fits, where other machines may take the rest. Once, before its launch."""
    spreading, shared = Spreading(services, kinds), services.engine.shared
    if services.lease.shared_database:
        shared.spread, services.room.freed = spreading, shared.work.send
    return spreading
