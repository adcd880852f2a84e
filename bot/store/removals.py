"""What a clean-up may remove: stored before anything is removed, so that a crash loses none of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from bot.store import sealed
from bot.store.database import Store, insert_new, metadata
from runners.results import Candidate, Removal, Snapshot, What

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

candidates = sa.Table(
    "signalbox_removal_candidates",
    metadata,
    sa.Column("operation", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("resource_id", sa.String(60), primary_key=True),
    sa.Column("position", sa.Integer, nullable=False),
    sa.Column("resource_type", sa.String(20), nullable=False),
    sa.Column("region", sa.String(40), nullable=False),
    sa.Column("name", sa.String(200), nullable=False),
    sa.Column("name_tag", sa.String(300), nullable=False),
    sa.Column("snapshots", sa.JSON, nullable=False),
    sa.Column("group", sa.String(200), nullable=False),
    sa.Column("created_at", sa.Double, nullable=False),
    sa.Column("excluded_by", sa.String(40), nullable=False),
    sealed.seal_column(),
)


class Removals:
    """Reads and writes the candidates for removal. Every method is one transaction."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def propose(self, operation: int, proposed: Sequence[Candidate]) -> None:
        """Store what this operation may remove; a second list for the same operation adds nothing to the first."""
        rows = [
            sealed.sealed(self._store.keyring, candidates, _row(operation, position, candidate))
            for position, candidate in enumerate(proposed)
        ]

        def work(connection: sa.Connection) -> None:
            for row in rows:
                insert_new(connection, candidates, row)

        await self._store.run(work)

    async def proposed_by(self, operation: int) -> tuple[Candidate, ...]:
        """All that this operation may remove, in the order proposed, with who excluded what. Raises ForgedError."""
        wanted = sa.select(candidates).where(candidates.c.operation == operation).order_by(candidates.c.position)
        rows = await self._store.run(lambda connection: connection.execute(wanted).mappings().all())
        for row in rows:
            self._check(row)
        return tuple(_candidate(row) for row in rows)

    async def exclude(self, operation: int, resource_ids: Collection[str], person: str) -> None:
        """Exclude exactly these from removal; a candidate that was excluded before and is not among them is included."""
        of_operation = candidates.c.operation == operation

        def work(connection: sa.Connection) -> None:
            for row in connection.execute(sa.select(candidates).where(of_operation)).mappings().all():
                self._check(row)  # a forged row is not sealed again
                excluded_by = (row["excluded_by"] or person) if row["resource_id"] in resource_ids else ""
                if excluded_by != row["excluded_by"]:
                    sealed.change(connection, self._store.keyring, candidates, row, {"excluded_by": excluded_by})

        await self._store.run(work)

    def _check(self, row: sa.RowMapping) -> None:
        name = f"what #{row['operation']} may remove ({row['resource_id']})"
        sealed.check(self._store.keyring, candidates, row, name)


def _row(operation: int, position: int, candidate: Candidate) -> dict[str, object]:
    removal = candidate.removal
    return {
        "operation": operation,
        "resource_id": removal.image_id,
        "position": position,
        "resource_type": candidate.what.value,
        "region": removal.region,
        "name": removal.name,
        "name_tag": removal.name_tag,
        "snapshots": [[snapshot.snapshot_id, snapshot.size_gb] for snapshot in removal.snapshots],
        "group": candidate.group,
        "created_at": candidate.made_at,
        "excluded_by": candidate.excluded_by,
    }


def _candidate(row: sa.RowMapping) -> Candidate:
    snapshots = tuple(Snapshot(snapshot_id, size_gb) for snapshot_id, size_gb in row["snapshots"])
    removal = Removal(row["region"], row["resource_id"], row["name"], row["name_tag"], snapshots)
    return Candidate(What(row["resource_type"]), removal, row["group"], row["created_at"], row["excluded_by"])
