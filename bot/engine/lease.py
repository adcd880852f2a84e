"""The lease of this process: acquired at the start, renewed by a thread, checked before each effect.

A process whose lease somebody took must not begin anything: it ends itself. What it started outside goes on.
`Takeover` hands on what processes left whose leases ended.
"""

from __future__ import annotations

import asyncio
import logging
import os
import threading
import time
from typing import TYPE_CHECKING

from sqlalchemy.exc import SQLAlchemyError

from bot.errors import ConfigError, DatabaseAwayError, Fault, LeaseLostError
from bot.store.workers import Lease

if TYPE_CHECKING:
    from collections.abc import Callable

    import sqlalchemy as sa

    from bot.engine.engine import Engine
    from bot.store.database import Store
    from bot.store.workers import Identity, Worker, Workers

log = logging.getLogger(__name__)
RENEWALS = 6  # in the length of a lease
SHORTEST_PAUSE = 0.2  # seconds
TAKEOVER_INTERVAL = 0.5  # seconds between polls of the leases
FULL_LOOK = 60.0  # seconds between polls of the engine for workflows of processes that are gone
LOST = 70  # the exit code: EX_SOFTWARE of sysexits(3)


def _end_process() -> None:
    logging.shutdown()
    os._exit(LOST)


class HeldLease:
    """Keeps the lease valid for as long as the process works. `lost` is called when somebody else took it."""

    def __init__(self, store: Store, workers: Workers, lease: Lease, lost: Callable[[], None] = _end_process) -> None:
        self.lease = lease
        self._store = store
        self.workers = workers
        self._lost = lost
        self._confirmed = _since_boot()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._renew, name="lease", daemon=True)

    @classmethod
    async def acquire(
        cls, store: Store, workers: Workers, identity: Identity, lost: Callable[[], None] = _end_process
    ) -> HeldLease:
        """Hold the lease of this name. Raises ConfigError while a worker on another machine holds it."""
        answer = await workers.acquire(identity)
        if not isinstance(answer, Lease):
            raise _taken(answer)
        held = cls(store, workers, answer, lost)
        store.fence, store.check_lease = held.fence, held.check_now
        held._thread.start()
        return held

    @property
    def remaining(self) -> float:
        """Seconds for which the lease is surely valid, also if the machine was asleep or this process was stopped."""
        return self.workers.length - (_since_boot() - self._confirmed)

    def fence(self, connection: sa.Connection) -> None:
        """Within the transaction that marks an effect as begun: the process ends here if the lease is not valid."""
        try:
            self.lease.check(connection)
        except LeaseLostError as error:
            if not self.workers.renew_within(connection, self.lease):
                log.error("%s; stopping. What was started goes on", error)  # noqa: TRY400  -- no traceback helps here
                self._lost()
                raise

    def check_now(self) -> None:
        """Directly before an outside call: the process ends here if too much time went by since the last renewal.

        Between the mark of an effect and the effect itself the process may have been stopped for long.
        """
        if self.remaining <= 0:
            log.error("the lease of %r ran out before an effect; stopping", self.lease.executor)
            self._lost()
            raise LeaseLostError(f"the lease of {self.lease.executor!r} ran out")

    async def release(self) -> None:
        """Give the lease back. The process must end directly afterwards."""
        self.stop()
        await self.workers.release(self.lease)

    def stop(self) -> None:
        """Stop renewing."""
        self._stopped.set()

    def _renew(self) -> None:
        pause = max(SHORTEST_PAUSE, self.workers.length / RENEWALS)
        while not self._stopped.wait(pause):
            before = _since_boot()
            try:
                with self._store.engine.begin() as connection:
                    held = self.workers.renew_within(connection, self.lease)
            except SQLAlchemyError as error:
                log.warning("the lease of %r cannot be renewed: %s", self.lease.executor, type(error).__name__)
                continue
            if self._stopped.is_set():
                return
            if not held:
                log.error(
                    "another process took the lease of %r; stopping. What was started goes on", self.lease.executor
                )
                self._lost()
                return
            self._confirmed = before


class Takeover:
    """Watches the leases of all processes, and lets the living take up what the others left."""

    def __init__(self, workers: Workers, engine: Engine) -> None:
        self._workers = workers
        self._engine = engine
        self._living = frozenset[str]()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Take up what is left, then watch."""
        await self._look()
        self._task = asyncio.create_task(self._watch(), name="takeover")

    async def close(self) -> None:
        """Stop watching."""
        if self._task:
            self._task.cancel()
            await asyncio.wait({self._task})

    async def _watch(self) -> None:
        full_look = time.monotonic() + FULL_LOOK
        while True:
            await asyncio.sleep(TAKEOVER_INTERVAL)
            try:
                if time.monotonic() > full_look:
                    self._living, full_look = frozenset(), time.monotonic() + FULL_LOOK
                await self._look()
            except DatabaseAwayError as error:
                log.warning("whether other processes are there: %s", error)
            except Exception:
                log.exception("what other processes left cannot be taken up now")

    async def _look(self) -> None:
        await self._workers.end_expired()
        living = frozenset(each.incarnation for each in await self._workers.all() if not each.ended)
        if living != self._living:
            for ended in await self._engine.take_up(living):
                log.info("took up what %s left", ended)
            self._living = living


def _since_boot() -> float:
    """Seconds that go on while the machine sleeps (CLOCK_BOOTTIME, Linux); else the monotonic clock."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()


def _taken(holder: Worker) -> ConfigError:
    problem = (
        f"another Signalbox is running as {holder.executor!r} on {holder.host}, seen {holder.silent_for:.0f} s ago, and two "
        "would do everything twice; stop it, or give this one its own name in SIGNALBOX_EXECUTOR"
    )
    return ConfigError("environment", (Fault(None, "SIGNALBOX_EXECUTOR", problem),))
