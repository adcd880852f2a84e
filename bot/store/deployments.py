"""The record of environments: what each runs since its last deploy, and which drift of it was told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from bot.store.database import Store, deployed, drift, runs_on

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from bot.store.operations import Record
    from runners.results import Commit


@dataclass(frozen=True, slots=True)
class Deployed:
    """What an environment runs since its last successful deploy. `at` is in Unix seconds."""

    operation: int
    environment: str
    sha: str
    ref: str
    subject: str
    person: str
    at: float


class EnvironmentRecord:
    """Reads and writes the record. Every method is one transaction."""

    def __init__(self, store: Store, clock: Callable[[], float]) -> None:
        self._store = store
        self._clock = clock

    async def record_deployed(self, record: Record, commit: Commit) -> None:
        """Remember that the environment now runs this commit (once for each operation)."""

        def work(connection: sa.Connection) -> None:
            if connection.scalar(sa.select(deployed.c.sha).where(deployed.c.operation == record.number)) is not None:
                return
            connection.execute(
                sa.insert(deployed).values(
                    operation=record.number,
                    environment=record.environment,
                    repository=commit.repository,
                    sha=commit.sha,
                    ref=commit.ref,
                    subject=commit.subject[:300],
                    person=record.requester,
                    at=self._clock(),
                )
            )

        await self._store.run(work)

    async def running_in(self, environment: str) -> Deployed | None:
        """What the environment's last successful deploy put there, or None when Signalbox never deployed to it."""
        newest = (
            sa.select(deployed)
            .where(deployed.c.environment == environment)
            .order_by(deployed.c.at.desc(), deployed.c.operation.desc())
            .limit(1)
        )
        row = await self._store.run(lambda connection: connection.execute(newest).mappings().first())
        if row is None:
            return None
        return Deployed(**{name: row[name] for name in Deployed.__slots__})

    async def drift_told(self, environment: str) -> str:
        """The fingerprint of the drift that was told last; empty when there was none."""
        statement = sa.select(drift.c.fingerprint).where(drift.c.environment == environment)
        return str(await self._store.run(lambda connection: connection.scalar(statement)) or "")

    async def tell_drift(self, environment: str, fingerprint: str) -> None:
        """Remember what was told."""

        def work(connection: sa.Connection) -> None:
            connection.execute(sa.delete(drift).where(drift.c.environment == environment))
            row = {"environment": environment, "fingerprint": fingerprint, "at": self._clock()}
            connection.execute(sa.insert(drift).values(row))

        await self._store.run(work)


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
