"""Cursors: by name, the number up to which a list has been read. A cursor only grows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from bot.store.database import Store, insert_new, metadata

if TYPE_CHECKING:
    from collections.abc import Callable

cursors = sa.Table(
    "signalbox_cursors",
    metadata,
    sa.Column("name", sa.String(300), primary_key=True),
    sa.Column("position", sa.BigInteger, nullable=False),
    sa.Column("advanced_at", sa.Double, nullable=False),  # Unix seconds, as in all these tables
)


class Cursors:
    """Reads and writes cursors. Every method is one transaction."""

    def __init__(self, store: Store, clock: Callable[[], float]) -> None:
        self._store = store
        self._clock = clock

    async def get(self, name: str) -> int | None:
        """The position of this cursor, or None before it was first advanced."""
        wanted = sa.select(cursors.c.position).where(cursors.c.name == name)
        position = await self._store.run(lambda connection: connection.scalar(wanted))
        return None if position is None else int(position)

    async def claim(self, name: str, position: int) -> bool:
        """Move the cursor to this position; of several processes that try, one gets True."""
        row = {"name": name, "position": position, "advanced_at": self._clock()}
        behind = sa.update(cursors).where(cursors.c.name == name, cursors.c.position < position)
        moved = behind.values(position=position, advanced_at=row["advanced_at"]).returning(cursors.c.position)

        def work(connection: sa.Connection) -> bool:
            return insert_new(connection, cursors, row) or connection.scalar(moved) is not None

        return await self._store.run(work)

    async def advance(self, name: str, position: int) -> None:
        """Move the cursor to this position, unless another process has moved it further."""
        row = {"name": name, "position": position, "advanced_at": self._clock()}
        behind = sa.update(cursors).where(cursors.c.name == name, cursors.c.position < position)

        def work(connection: sa.Connection) -> None:
            if not insert_new(connection, cursors, row):
                connection.execute(behind.values(position=position, advanced_at=row["advanced_at"]))

        await self._store.run(work)
