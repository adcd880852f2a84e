"""The record of environments: what each runs since its last deploy, and which drift of it was told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from bot.store import Store, deployed, drift

if TYPE_CHECKING:
    from collections.abc import Callable

    from bot.operations import Record
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
