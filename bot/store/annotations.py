"""Annotations: facts about an operation that later steps, clicks or operations read. A name can have several values."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from bot.store import sealed
from bot.store.database import Store, insert_new, metadata

if TYPE_CHECKING:
    from collections.abc import Callable

SUPERSEDED_BY = "superseded by"  # an annotation's name; the value is the number of the operation that replaces this one

annotation_rows = sa.Table(
    "signalbox_annotations",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),  # orders the values of a name
    sa.Column("operation", sa.Integer, nullable=False),
    sa.Column("name", sa.String(40), nullable=False),
    sa.Column("value", sa.String(200), nullable=False),
    sa.Column("at", sa.Double, nullable=False),
    sealed.seal_column(),
    sa.UniqueConstraint("operation", "name", "value"),  # a step that runs again adds nothing
    info={sealed.UNSEALED: ("id",)},
)


class Annotations:
    """Reads and writes annotations. Every method is one transaction."""

    def __init__(self, store: Store, clock: Callable[[], float]) -> None:
        self._store = store
        self._clock = clock

    async def add(self, operation: int, name: str, value: str) -> None:
        """Add a value of at most 200 characters under this name; adding the same value again changes nothing."""
        row = {"operation": operation, "name": name, "value": value, "at": self._clock()}
        row = sealed.sealed(self._store.keyring, annotation_rows, row)
        await self._store.run(lambda connection: insert_new(connection, annotation_rows, row))

    async def values_of(self, operation: int, name: str, *, up_to: int | None = None) -> tuple[str, ...]:
        """The values under this name, oldest first; of those up to a `newest`, if given. Raises ForgedError."""
        rows = annotation_rows.c
        wanted = (
            sa.select(annotation_rows).where(rows.operation == operation, rows.name == name).order_by(rows.at, rows.id)
        )
        if up_to is not None:
            wanted = wanted.where(rows.id <= up_to)
        listed = await self._store.run(lambda connection: connection.execute(wanted).mappings().all())
        for row in listed:
            sealed.check(self._store.keyring, annotation_rows, row, f"#{operation} ({name})")
        return tuple(str(row["value"]) for row in listed)

    async def newest(self, operation: int) -> int:
        """The id of the operation's newest annotation, to read later what there was by now; 0 if it has none."""
        rows = annotation_rows.c
        wanted = sa.select(sa.func.max(rows.id)).where(rows.operation == operation)
        return await self._store.run(lambda connection: connection.scalar(wanted) or 0)
