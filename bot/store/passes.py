"""Passes: what waits for approval lets a queued operation go first, and is open for a decision again afterwards."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from bot.store import sealed
from bot.store.annotations import annotation_rows
from bot.store.approval_tables import approvals
from bot.store.approvals import Outcome
from bot.store.database import Store, insert_new
from bot.store.operation_tables import operations
from bot.store.operations import Status

if TYPE_CHECKING:
    from collections.abc import Callable

# Annotations: of what gives way, which operation it lets go first; of that operation, what it passes.
LETS_PASS, PASSES = "lets pass", "passes"


class Passes:
    """Writes passes. Every method is one transaction."""

    def __init__(self, store: Store, clock: Callable[[], float]) -> None:
        self._store = store
        self._clock = clock

    async def let_pass(self, holder: int, passer: int, record: Callable[[sa.Connection], None]) -> bool:
        """Close what `holder` waits for as PASSED while `passer` is queued; false where either is not so any more.

        `record` writes in the same transaction, which excludes a decision, a cancel and a second pass. Raises ForgedError.
        """
        rows = operations.c
        queued = sa.select(rows.status).where(rows.number == passer).with_for_update()

        def work(connection: sa.Connection) -> bool:
            now = self._clock()
            open_rows = [row for row in self._rows(connection, holder, Outcome.PENDING) if now < row["expires_at"]]
            if not open_rows or connection.scalar(queued) != Status.WAITING.value:
                return False
            for row in open_rows:
                self._change(connection, row, outcome=Outcome.PASSED.value)
            self._annotate(connection, holder, LETS_PASS, passer)
            self._annotate(connection, passer, PASSES, holder)
            record(connection)
            return True

        return await self._store.run(work)

    async def resume(self, holder: int, expires_after: float) -> None:
        """Open what was PASSED again, with so many seconds to decide; votes stay. A repetition changes nothing."""

        def work(connection: sa.Connection) -> None:
            for row in self._rows(connection, holder, Outcome.PASSED):
                until = self._clock() + expires_after
                self._change(connection, row, outcome=Outcome.PENDING.value, expires_at=until)

        await self._store.run(work)

    def _rows(self, connection: sa.Connection, holder: int, outcome: Outcome) -> list[sa.RowMapping]:
        """The approvals of an operation with this outcome, locked and verified."""
        which = (approvals.c.operation == holder) & (approvals.c.outcome == outcome.value)
        locked = connection.execute(sa.select(approvals).where(which).with_for_update()).mappings().all()
        for row in locked:
            sealed.check(self._store.keyring, approvals, row, f"the approval of #{holder}")
        return list(locked)

    def _change(self, connection: sa.Connection, row: sa.RowMapping, **values: object) -> None:
        sealed.change(connection, self._store.keyring, approvals, row, values)

    def _annotate(self, connection: sa.Connection, operation: int, name: str, value: int) -> None:
        row = {"operation": operation, "name": name, "value": str(value), "at": self._clock()}
        insert_new(connection, annotation_rows, sealed.sealed(self._store.keyring, annotation_rows, row))
