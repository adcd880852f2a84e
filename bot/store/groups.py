"""Transactions that many share: a commit waits for the disk, and what arrives meanwhile goes into the next one together."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from bot.errors import DatabaseAwayError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import sqlalchemy as sa

    from bot.store.database import Store

A = TypeVar("A")
R = TypeVar("R")


class Group(Generic[A, R]):
    """Work of one kind. `work` does it for many at once, within a transaction, and gives as many results in their order."""

    def __init__(self, groups: Groups, work: Callable[[sa.Connection, Sequence[A]], Sequence[R]]) -> None:
        self._groups = groups
        self.work = work
        self.waiting: list[tuple[A, asyncio.Future[R]]] = []

    async def run(self, item: A) -> R:
        """The result for this item, when its transaction is on disk. Raises what the work, or the transaction, raises."""
        done: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self.waiting.append((item, done))
        self._groups.write()
        return await done


class Groups:
    """All groups of a store. One transaction at a time is run for all of them; with `reads` it only reads."""

    def __init__(self, store: Store, *, reads: bool = False) -> None:
        self._run = store.read if reads else store.run
        self._groups: list[Group[Any, Any]] = []
        self._writer: asyncio.Task[None] | None = None

    def of(self, work: Callable[[sa.Connection, Sequence[A]], Sequence[R]]) -> Group[A, R]:
        """A new group. In a transaction the groups' work is done in the order in which they were made."""
        group = Group(self, work)
        self._groups.append(group)
        return group

    def write(self) -> None:
        """Write what waits, unless a transaction is under way: it is followed by the next."""
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write_all())

    async def _write_all(self) -> None:
        while batches := [(group.work, group.waiting) for group in self._groups if group.waiting]:
            for group in self._groups:
                group.waiting = []
            await self._write(batches)

    async def _write(self, batches: Sequence[_Batch]) -> None:
        def work(connection: sa.Connection) -> list[Sequence[Any]]:
            return [each(connection, [item for item, _ in waiting]) for each, waiting in batches]

        try:
            results = await self._run(work)
        except Exception as error:  # noqa: BLE001  -- raised where run() is awaited; the next batch is still written
            if len(batches) == 1 or isinstance(error, DatabaseAwayError):
                _fail(batches, error)
            else:
                for batch in batches:  # the fault of one group is not that of the others
                    await self._write([batch])
        else:
            _answer(batches, results)


def _fail(batches: Sequence[_Batch], error: Exception) -> None:
    for _, waiting in batches:
        for _, done in waiting:
            if not done.done():
                done.set_exception(error)


def _answer(batches: Sequence[_Batch], results: Sequence[Sequence[Any]]) -> None:
    for (_, waiting), values in zip(batches, results, strict=True):
        for (_, done), value in zip(waiting, values, strict=True):
            if not done.done():
                done.set_result(value)


_Batch = tuple["Callable[[sa.Connection, Sequence[Any]], Sequence[Any]]", "list[tuple[Any, asyncio.Future[Any]]]"]
