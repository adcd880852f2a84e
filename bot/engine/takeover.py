"""Takeover: the living take up what processes left whose leases ended."""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from bot.errors import DatabaseAwayError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from bot.engine.lease import HeldLease
    from bot.engine.shared_work import SharedWork
    from bot.store.workers import Worker

log = logging.getLogger(__name__)
# Seconds between polls of the leases. A worker that gives its lease back signals that; one that dies has a lease that runs
# out at a known time.
SHORTEST_INTERVAL, LONGEST_INTERVAL = 0.3, 5.0
FULL_LOOK = 60.0  # seconds between polls of the engine for workflows of processes that are gone


class Takeover:
    """Watches the leases of all processes, hands on what the dead left, and hands over when this one is drained.

    `is_dead` says of a worker whose lease ran out whether its process is surely gone, whatever the clocks say.
    """

    def __init__(self, held: HeldLease, shared: SharedWork, is_dead: Callable[[Worker], bool]) -> None:
        self._held = held
        self._workers = held.workers
        self._shared = shared
        self._is_dead = is_dead
        self._living = frozenset[str]()
        self._next_end = LONGEST_INTERVAL  # seconds until the next lease of others may run out
        self._signalled = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Take up what is left, then watch."""
        self._shared.may_take = lambda: self._held.may_take
        self._loop = asyncio.get_running_loop()
        self._shared.workers.heard(self._hear)
        await self._look()
        self._task = asyncio.create_task(self._watch(), name="takeover")

    async def close(self) -> None:
        """Stop watching, and take nothing from the queues any more."""
        self._held.stop_taking()
        if self._task:
            self._task.cancel()
            await asyncio.wait({self._task})

    async def _watch(self) -> None:
        full_look = time.monotonic() + FULL_LOOK
        while True:
            await self._pause()
            try:
                if time.monotonic() > full_look:
                    self._living, full_look = frozenset(), time.monotonic() + FULL_LOOK
                await self._look()
            except DatabaseAwayError as error:
                log.warning("whether other processes are there: %s", error)
            except Exception:
                log.exception("what other processes left cannot be taken up now")

    def _hear(self) -> None:
        with suppress(RuntimeError):  # the loop is closed while the process ends
            self._loop.call_soon_threadsafe(self._signalled.set)

    async def _pause(self) -> None:
        """Wait for a signal, for the end of the next lease, or for LONGEST_INTERVAL."""
        seconds = LONGEST_INTERVAL
        if self._held.shared_database:  # else the others are on this machine, and a process is soon started again
            seconds = max(SHORTEST_INTERVAL, min(LONGEST_INTERVAL, self._next_end))
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._signalled.wait()
        self._signalled.clear()

    async def _look(self) -> None:
        everybody = await self._workers.all()
        own = self._held.lease.incarnation
        others = [each for each in everybody if not each.ended and each.incarnation != own]
        self._next_end = min((each.valid_for for each in others), default=LONGEST_INTERVAL)
        expired = [each for each in others if not each.alive]
        for worker in expired:
            if self._is_dead(worker) and await self._workers.end_expired(worker):
                log.warning("%s on %s is gone, silent for %.0f s", worker.executor, worker.host, worker.silent_for)
        if any(each.incarnation == own and each.draining for each in everybody):
            self._held.stop_taking()
            await self._shared.hand_over_waiting()
        if expired or _living(everybody) != self._living:
            self._living = await self._read_living()
            for ended in await self._shared.take_up(self._read_living):
                log.info("took up what %s left", ended)

    async def _read_living(self) -> frozenset[str]:
        return _living(await self._workers.all())


def _living(everybody: Collection[Worker]) -> frozenset[str]:
    return frozenset(each.incarnation for each in everybody if not each.ended)
