"""How the long children of this bot are kept: with a keeper each where several machines may share the database."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.children import traces
from bot.children.following import Holder, SharedChildren
from bot.process.machine import machine_id
from bot.store.children import ChildRows
from runners.processes import child
from runners.processes.children import FILES

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import timedelta
    from pathlib import Path

    from bot.children.spec import Spec
    from bot.children.traces import Trace
    from bot.store.children import ChildRow
    from bot.store.database import Store
    from runners.processes.children import Children

SILENT = 1 / 3  # of the lease: two renewals have not come


@dataclass(frozen=True, slots=True)
class Keeping:
    """Gives operations their children; without `rows` (SQLite: a single machine) these are files alone."""

    rows: ChildRows | None
    holder: Holder

    @classmethod
    def of_bot(cls, store: Store, workplace: Path, executor: str, lease: timedelta) -> Keeping:
        """How the children of this bot are kept."""
        directory, host = workplace / traces.DIRECTORY, socket.gethostname()
        holder = Holder(machine_id(workplace), host, executor, lease.total_seconds(), directory)
        return cls(None if store.file else ChildRows(store), holder)

    def of(self, operation: int, grace: float = child.GRACE) -> Children:
        """The children of this operation; `grace` as in SharedChildren."""
        return FILES if self.rows is None else SharedChildren(self.rows, self.holder, operation, grace)

    def rescuer(self, row: ChildRow, path: Path, trace: Trace) -> Spec:
        """The spec of another keeper for this child, whose trace is at this path. Raises RuntimeError with SQLite."""
        if self.rows is None:
            raise RuntimeError("children have no keepers with SQLite")
        return SharedChildren(self.rows, self.holder, row.operation).rescuing_spec(row, trace, str(path))

    async def silent(self, operation: int) -> ChildRow | None:
        """The running child of the operation whose keeper has not been heard of for the longest time, if that is long."""
        if self.rows is None:
            return None
        longest = max(await self.rows.of_operation(operation), key=lambda row: row.unanswered, default=None)
        return longest if longest and longest.unanswered > SILENT * self.holder.lease else None

    async def forget(self, operation: int) -> None:
        """Delete what is stored of the operation's children that are over."""
        if self.rows is not None:
            await self.rows.forget(operation)

    async def sweep(self, open_operations: Collection[int]) -> None:
        """Delete the same for every operation that is not open."""
        if self.rows is not None:
            for number in await self.rows.operations() - frozenset(open_operations):
                await self.rows.forget(number)
