"""What environments and machines run since their last deploy, and which drift of an environment was last reported."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from bot.config.targets import without_lane
from bot.store import sealed
from bot.store.database import Store, insert_new, metadata

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from bot.store.operations import Record
    from runners.results import Commit

deployments = sa.Table(
    "signalbox_deployments",
    metadata,
    sa.Column("operation", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("environment", sa.String(80), nullable=False),
    sa.Column("repository", sa.String(140), nullable=False),
    sa.Column("sha", sa.String(40), nullable=False),
    sa.Column("ref", sa.String(255), nullable=False),
    sa.Column("subject", sa.String(300), nullable=False),
    sa.Column("person", sa.String(40), nullable=False),
    sa.Column("at", sa.Double, nullable=False),
    sealed.seal_column(),
    sa.Index("ix_signalbox_deployments_newest", "environment", "at", "operation"),
)

machine_commits = sa.Table(
    "signalbox_machine_commits",
    metadata,
    sa.Column("environment", sa.String(80), primary_key=True),
    sa.Column("machine", sa.String(80), primary_key=True),
    sa.Column("instance", sa.String(40), primary_key=True),  # "" for every instance without a row of its own
    sa.Column("repository", sa.String(140), nullable=False),
    sa.Column("sha", sa.String(40), nullable=False),
    sa.Column("ref", sa.String(255), nullable=False),
    sa.Column("subject", sa.String(300), nullable=False),
    sa.Column("person", sa.String(40), nullable=False),
    sa.Column("operation", sa.Integer, nullable=False),
    sa.Column("at", sa.Double, nullable=False),
)

reported_drift = sa.Table(
    "signalbox_reported_drift",
    metadata,
    sa.Column("environment", sa.String(80), primary_key=True),
    sa.Column("fingerprint", sa.String(64), nullable=False),  # of the last report; empty when it had no drift
    sa.Column("reported_at", sa.Double, nullable=False),
)

NEWEST = 50  # deploys of an environment that are read to go back to one
ALL_INSTANCES = ""  # the `instance` of a row that applies to all instances without a row of their own


@dataclass(frozen=True, slots=True)
class Deployment:
    """A successful deploy to an environment. `at` is in Unix seconds."""

    operation: int
    environment: str
    sha: str
    ref: str
    subject: str
    person: str
    at: float


@dataclass(frozen=True, slots=True)
class MachineCommit:
    """The commit that an instance of a machine role runs; an empty `instance` means all others. `at` is in Unix seconds."""

    environment: str
    machine: str
    instance: str
    sha: str
    ref: str
    subject: str
    person: str
    operation: int
    at: float


class Deployments:
    """Reads and writes the deployments of environments. Every method is one transaction."""

    def __init__(self, store: Store, clock: Callable[[], float]) -> None:
        self._store = store
        self._clock = clock

    async def add(self, record: Record, commit: Commit) -> None:
        """Record that the environment now runs this commit, once for each operation."""
        row = {**_deployed(record, commit), "at": self._clock()}
        row = sealed.sealed(self._store.keyring, deployments, row)
        await self._store.run(lambda connection: insert_new(connection, deployments, row))

    async def newest(self, environment: str, most: int = NEWEST) -> tuple[Deployment, ...]:
        """The environment's last successful deploys, the newest first. Raises ForgedError."""
        statement = _newest(environment, most)
        rows = await self._store.run(lambda connection: connection.execute(statement).mappings().all())
        return tuple(self._deployment(row) for row in rows)

    def _deployment(self, row: sa.RowMapping) -> Deployment:
        sealed.check(self._store.keyring, deployments, row, f"the deploy #{row['operation']} to {row['environment']}")
        return Deployment(**{name: row[name] for name in Deployment.__slots__})

    async def current(self, environment: str) -> Deployment | None:
        """The environment's last successful deploy, or None when Signalbox never deployed to it. Raises ForgedError."""
        return next(iter(await self.newest(environment, most=1)), None)

    async def currents(self, environments: Sequence[str]) -> dict[str, Deployment]:
        """The last successful deploy of each of these environments that has one. Raises ForgedError."""

        def work(connection: sa.Connection) -> list[sa.RowMapping]:
            # One question each, which an index answers; one for all would read every deploy of them.
            read = (connection.execute(_newest(each, 1)).mappings().first() for each in environments)
            return [row for row in read if row is not None]

        return {row["environment"]: self._deployment(row) for row in await self._store.run(work)}

    async def reported_drift(self, environment: str) -> str:
        """The fingerprint of the drift that was reported last; empty when there was none."""
        statement = sa.select(reported_drift.c.fingerprint).where(reported_drift.c.environment == environment)
        return str(await self._store.run(lambda connection: connection.scalar(statement)) or "")

    async def set_reported_drift(self, environment: str, fingerprint: str) -> None:
        """Record the fingerprint of the drift that was reported."""

        def work(connection: sa.Connection) -> None:
            connection.execute(sa.delete(reported_drift).where(reported_drift.c.environment == environment))
            row = {"environment": environment, "fingerprint": fingerprint, "reported_at": self._clock()}
            connection.execute(sa.insert(reported_drift).values(row))

        await self._store.run(work)


class MachineCommits:
    """Reads and writes the commits of machines. Every method is one transaction."""

    def __init__(self, store: Store, clock: Callable[[], float]) -> None:
        self._store = store
        self._clock = clock

    async def set_instances(
        self, record: Record, commit: Commit, machine: str, instances: Iterable[str], *, all_instances: bool
    ) -> None:
        """Record that these instances of the role run the commit; with `all_instances` delete the rows of others."""
        rows = [
            {**_deployed(record, commit), "machine": machine, "instance": instance, "at": self._clock()}
            for instance in instances
        ]
        of_role = (machine_commits.c.environment == without_lane(record.environment)) & (
            machine_commits.c.machine == machine
        )
        of_instances = of_role & machine_commits.c.instance.in_([row["instance"] for row in rows])

        def work(connection: sa.Connection) -> None:
            connection.execute(sa.delete(machine_commits).where(of_role if all_instances else of_instances))
            if rows:
                connection.execute(sa.insert(machine_commits), rows)

        await self._store.run(work)

    async def set_roles(self, record: Record, commit: Commit, machines: Sequence[str]) -> None:
        """Record that every instance of these roles runs the commit."""
        for machine in machines:
            await self.set_instances(record, commit, machine, [ALL_INSTANCES], all_instances=True)

    async def in_environment(self, environment: str) -> tuple[MachineCommit, ...]:
        """The commits on record for an environment, by role and instance."""
        wanted = sa.select(machine_commits).where(machine_commits.c.environment == environment)
        ordered = wanted.order_by(machine_commits.c.machine, machine_commits.c.instance)
        rows = await self._store.run(lambda connection: connection.execute(ordered).mappings().all())
        return tuple(MachineCommit(**{name: row[name] for name in MachineCommit.__slots__}) for row in rows)


def same_everywhere(commits: Iterable[MachineCommit], machines: Sequence[str], sha: str) -> bool:
    """Whether every one of these roles is on record with this commit, on each of its instances on record."""
    rows = list(commits)
    return set(machines) <= {row.machine for row in rows} and all(
        row.sha == sha for row in rows if row.machine in machines
    )


def _newest(environment: str, most: int) -> sa.Select[tuple[object, ...]]:
    of_environment = sa.select(deployments).where(deployments.c.environment == environment)
    return of_environment.order_by(deployments.c.at.desc(), deployments.c.operation.desc()).limit(most)


def _deployed(record: Record, commit: Commit) -> dict[str, object]:
    return {
        "operation": record.number,
        "environment": without_lane(record.environment),
        "repository": commit.repository,
        "sha": commit.sha,
        "ref": commit.ref,
        "subject": commit.subject[:300],
        "person": record.requester,
    }
