"""The record of what each machine runs: which commit, since when, by whom."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from bot.store import Store, runs_on

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from bot.operations import Record
    from runners.results import Commit

EVERY = ""  # the instance of a row that counts for all instances without a row of their own


@dataclass(frozen=True, slots=True)
class RunsOn:
    """What one instance of a machine type runs, or with no `instance` all others of it. `at` is in Unix seconds."""

    environment: str
    machine: str
    instance: str
    sha: str
    ref: str
    subject: str
    person: str
    operation: int
    at: float


class RunsOnRecord:
    """Reads and writes the record. Every method is one transaction."""

    def __init__(self, store: Store, clock: Callable[[], float]) -> None:
        self._store = store
        self._clock = clock

    async def deployed(
        self, record: Record, commit: Commit, machine: str, instances: Iterable[str], *, whole: bool
    ) -> None:
        """These instances of the machine type run the commit now. `whole`: there are no others, and older rows go."""

        def work(connection: sa.Connection) -> None:
            kept = list(instances)
            of_it = (runs_on.c.environment == record.environment) & (runs_on.c.machine == machine)
            old = of_it if whole else of_it & runs_on.c.instance.in_(kept)
            connection.execute(sa.delete(runs_on).where(old))
            rows = [self._row(record, commit, machine, instance) for instance in kept]
            if rows:
                connection.execute(sa.insert(runs_on), rows)

        await self._store.run(work)

    async def deployed_whole(self, record: Record, commit: Commit, machines: Sequence[str]) -> None:
        """Every instance of these machine types runs the commit now, whichever there are."""
        for machine in machines:
            await self.deployed(record, commit, machine, [EVERY], whole=True)

    async def of(self, environment: str) -> tuple[RunsOn, ...]:
        """What is known of an environment, by machine type and instance."""
        wanted = sa.select(runs_on).where(runs_on.c.environment == environment)
        ordered = wanted.order_by(runs_on.c.machine, runs_on.c.instance)
        rows = await self._store.run(lambda connection: connection.execute(ordered).mappings().all())
        return tuple(RunsOn(**{name: row[name] for name in RunsOn.__slots__}) for row in rows)

    def _row(self, record: Record, commit: Commit, machine: str, instance: str) -> dict[str, object]:
        return {
            "environment": record.environment,
            "machine": machine,
            "instance": instance,
            "repository": commit.repository,
            "sha": commit.sha,
            "ref": commit.ref,
            "subject": commit.subject[:300],
            "person": record.requester,
            "operation": record.number,
            "at": self._clock(),
        }


def same_everywhere(known: Iterable[RunsOn], machines: Sequence[str], sha: str) -> bool:
    """Whether every one of these machine types runs this commit, on each of its instances, as far as is known."""
    rows = list(known)
    there = {row.machine for row in rows}
    return set(machines) <= there and all(row.sha == sha for row in rows if row.machine in machines)
