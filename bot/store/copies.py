"""How far each copy of the audit log has come, and which process copies."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import sqlalchemy as sa

from bot.store.audit import StoredEntry, stored_entry
from bot.store.audit_table import audit
from bot.store.cursors import cursors
from bot.store.database import Store, insert_new

if TYPE_CHECKING:
    from collections.abc import Callable

TURN = 60.0  # seconds after its last batch for which a process excludes the others


class Copies:
    """Cursors of copies: a copy has every entry up to its cursor. `worker` is the name of this process, which no other has."""

    def __init__(self, store: Store, clock: Callable[[], float], worker: str) -> None:
        self._store = store
        self._clock = clock
        self._worker = int.from_bytes(hashlib.sha256(worker.encode()).digest()[:7])

    async def next_batch(self, copy: str, most: int) -> tuple[StoredEntry, ...]:
        """The first entries that the copy does not have; none while another process copies."""
        return await self._store.run(lambda connection: self._next_batch(connection, copy, most))

    async def advance(self, copy: str, number: int) -> None:
        """Store that the copy has the entry of this number, and all before it."""
        row = {"name": f"audit copy {copy}", "position": number, "advanced_at": self._clock()}
        behind = sa.update(cursors).where(cursors.c.name == row["name"], cursors.c.position < number)

        def work(connection: sa.Connection) -> None:
            if not insert_new(connection, cursors, row):
                connection.execute(behind.values(row))

        await self._store.run(work)

    def _next_batch(self, connection: sa.Connection, copy: str, most: int) -> tuple[StoredEntry, ...]:
        position = connection.scalar(sa.select(cursors.c.position).where(cursors.c.name == f"audit copy {copy}")) or 0
        wanted = sa.select(audit).where(audit.c.number > position).order_by(audit.c.number).limit(most)
        rows = connection.execute(wanted).mappings().all()
        return tuple(map(stored_entry, rows)) if rows and self._takes_turn(connection, copy) else ()

    def _takes_turn(self, connection: sa.Connection, copy: str) -> bool:
        """Whether it is this process's turn: the row names the process that copied last."""
        now = self._clock()
        row = {"name": f"audit copy turn {copy}", "position": self._worker, "advanced_at": now}
        free = (cursors.c.position == self._worker) | (cursors.c.advanced_at < now - TURN)
        taken = sa.update(cursors).where(cursors.c.name == row["name"], free).values(row).returning(cursors.c.name)
        return insert_new(connection, cursors, row) or connection.scalar(taken) is not None
