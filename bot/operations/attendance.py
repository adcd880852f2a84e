"""Attendance: which workers are there, what each has in hand, and what nobody works on."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bot.config import worker_labels

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from bot.config import Config
    from bot.services import Services
    from bot.store.workers import Worker


@dataclass(frozen=True, slots=True)
class Attendance:
    """The workers by name, the operations in hand by the worker's incarnation, and the age of the oldest queued one.

    `oldest_queued` is in seconds; None when no operation is queued. `unserved` are the environments whose labels no
    running worker has, with these labels.
    """

    workers: tuple[Worker, ...]
    in_hand: Mapping[str, tuple[int, ...]]
    oldest_queued: float | None
    unserved: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def unattended(self) -> tuple[int, ...]:
        """The operations of processes that have ended, and that no other has taken up, in order."""
        living = {worker.incarnation for worker in self.workers if not worker.ended}
        return tuple(sorted(n for holder, numbers in self.in_hand.items() if holder not in living for n in numbers))

    @property
    def oldest_heartbeat(self) -> float:
        """Seconds since the oldest heartbeat of the workers that have not ended; 0 without workers."""
        return max((worker.silent_for for worker in self.workers if not worker.ended), default=0.0)

    def count(self, state: str) -> int:
        """How many workers are in this state (see `state_of`)."""
        return sum(state_of(worker) == state for worker in self.workers)

    def problems(self) -> tuple[str, ...]:
        """In words, what nobody works on; empty when all is well."""
        problems = [
            f"worker {worker.executor} on {worker.host} has not answered for {worker.silent_for:.0f} s"
            for worker in self.workers
            if state_of(worker) == "silent"
        ]
        if self.unattended:
            numbers = ", ".join(f"#{number}" for number in self.unattended)
            problems.append(f"{numbers}: its worker has ended, and no other has taken it up")
        if not self.count("working"):
            problems.append("no worker takes operations: start one, or start a drained one again")
            return tuple(problems)
        problems += [f"{name}: {worker_labels.missing(labels)}" for name, labels in self.unserved.items()]
        return tuple(problems)


STATES = ("working", "answering", "draining", "silent", "ended")


def state_of(worker: Worker) -> str:
    """One of STATES; `silent`: its lease ran out, and no other process has taken up its work yet.

    `answering`: it answers Slack and takes no operation.
    """
    if worker.ended:
        return "ended"
    if not worker.alive:
        return "silent"
    if not worker.takes_operations:
        return "answering"
    return "draining" if worker.draining else "working"


def unserved(config: Config, workers: Iterable[Worker]) -> Mapping[str, tuple[str, ...]]:
    """The environments whose operations none of these workers takes, with the labels that it would need."""
    working = [worker.labels for worker in workers if state_of(worker) == "working"]
    return worker_labels.unserved(config, working)


async def read(services: Services) -> Attendance:
    """The attendance now. Raises DatabaseAwayError."""
    all_workers = services.lease.workers
    workers, in_hand = await all_workers.all(), await services.engine.operations_in_hand()
    return Attendance(workers, in_hand, await all_workers.oldest_queued(), unserved(services.config, workers))
