"""How far something was read: a number by name, which only grows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from bot.store.database import Store, cursors, insert_new

if TYPE_CHECKING:
    from collections.abc import Callable


class Cursors:
    """Reads and writes them. Every method is one transaction."""

    def __init__(self, store: Store, clock: Callable[[], float]) -> None:
        self._store = store
        self._clock = clock

    async def get(self, name: str) -> int | None:
        """The number under this name, or None when nothing was ever read."""
        wanted = sa.select(cursors.c.number).where(cursors.c.name == name)
        found = await self._store.run(lambda connection: connection.scalar(wanted))
        return None if found is None else int(found)

    async def advance(self, name: str, number: int) -> None:
        """Remember that it was read as far as this; another process may have come further already."""
        row = {"name": name, "number": number, "at": self._clock()}
        further = sa.update(cursors).where(cursors.c.name == name, cursors.c.number < number)

        def work(connection: sa.Connection) -> None:
            if not insert_new(connection, cursors, row):
                connection.execute(further.values(number=number, at=row["at"]))

        await self._store.run(work)
