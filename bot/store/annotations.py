"""Annotations: facts about an operation that later steps, clicks or operations read. A name can have several values."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

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
    sa.UniqueConstraint("operation", "name", "value"),  # a step that runs again adds nothing
)


class Annotations:
    """Reads and writes annotations. Every method is one transaction."""

    def __init__(self, store: Store, clock: Callable[[], float]) -> None:
        self._store = store
        self._clock = clock

    async def add(self, operation: int, name: str, value: str) -> None:
        """Add a value of at most 200 characters under this name; adding the same value again changes nothing."""
        row = {"operation": operation, "name": name, "value": value, "at": self._clock()}
        await self._store.run(lambda connection: insert_new(connection, annotation_rows, row))

    async def values_of(self, operation: int, name: str) -> tuple[str, ...]:
        """The values under this name, oldest first."""
        wanted = (
            sa.select(annotation_rows.c.value)
            .where(annotation_rows.c.operation == operation, annotation_rows.c.name == name)
            .order_by(annotation_rows.c.id)
        )
        return await self._store.run(lambda connection: tuple(map(str, connection.scalars(wanted))))
