"""What a clean-up is to remove: written down before anything is touched, so that a crash loses none of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from bot.store.database import Store, insert_new, tables
from runners.results import Candidate, Removal, Snapshot, What

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence


removals = sa.Table(
    "signalbox_removals",
    tables,
    sa.Column("operation", sa.Integer, primary_key=True),
    sa.Column("image_id", sa.String(60), primary_key=True),
    sa.Column("position", sa.Integer, nullable=False),
    sa.Column("what", sa.String(20), nullable=False),
    sa.Column("region", sa.String(40), nullable=False),
    sa.Column("name", sa.String(200), nullable=False),
    sa.Column("name_tag", sa.String(300), nullable=False),
    sa.Column("snapshots", sa.JSON, nullable=False),
    sa.Column("group", sa.String(200), nullable=False),
    sa.Column("made_at", sa.Double, nullable=False),
    sa.Column("spared_by", sa.String(40), nullable=False),
)


class Removals:
    """Reads and writes it. Every method is one transaction."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def propose(self, operation: int, candidates: Sequence[Candidate]) -> None:
        """Write down what this operation may remove; done again, the first list stands."""

        def work(connection: sa.Connection) -> None:
            for position, one in enumerate(candidates):
                insert_new(connection, removals, _row(operation, position, one))

        await self._store.run(work)

    async def of(self, operation: int) -> tuple[Candidate, ...]:
        """All that this operation may remove, in the order proposed, with who spared what."""
        wanted = sa.select(removals).where(removals.c.operation == operation).order_by(removals.c.position)
        rows = await self._store.run(lambda connection: connection.execute(wanted).mappings().all())
        return tuple(_candidate(row) for row in rows)

    async def spare(self, operation: int, image_ids: Collection[str], person: str) -> None:
        """Let exactly these stay; what somebody spared before and is not among them may go again."""
        mine = removals.c.operation == operation
        spared = mine & removals.c.image_id.in_(list(image_ids))

        def work(connection: sa.Connection) -> None:
            connection.execute(
                sa.update(removals).where(mine & ~removals.c.image_id.in_(list(image_ids))).values(spared_by="")
            )
            connection.execute(
                sa.update(removals).where(spared & (removals.c.spared_by == "")).values(spared_by=person)
            )

        await self._store.run(work)


def _row(operation: int, position: int, one: Candidate) -> dict[str, object]:
    removal = one.removal
    return {
        "operation": operation,
        "image_id": removal.image_id,
        "position": position,
        "what": one.what.value,
        "region": removal.region,
        "name": removal.name,
        "name_tag": removal.name_tag,
        "snapshots": [[snapshot.snapshot_id, snapshot.size_gb] for snapshot in removal.snapshots],
        "group": one.group,
        "made_at": one.made_at,
        "spared_by": one.spared_by,
    }


def _candidate(row: sa.RowMapping) -> Candidate:
    snapshots = tuple(Snapshot(snapshot_id, size_gb) for snapshot_id, size_gb in row["snapshots"])
    removal = Removal(row["region"], row["image_id"], row["name"], row["name_tag"], snapshots)
    return Candidate(What(row["what"]), removal, row["group"], row["made_at"], row["spared_by"])
