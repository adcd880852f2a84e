"""The lease of this process: acquired at the start, renewed by a thread, checked before each effect.

A process whose lease somebody took must not begin anything: it ends itself. What it started outside goes on.
bot/engine/takeover.py hands on what processes left whose leases ended.
"""

from __future__ import annotations

import asyncio
import logging
import os
import threading
import time
from typing import TYPE_CHECKING

from sqlalchemy.exc import SQLAlchemyError

from bot.errors import ConfigError, Fault, LeaseLostError
from bot.store.database import Store
from bot.store.workers import Lease

if TYPE_CHECKING:
    from collections.abc import Callable

    import sqlalchemy as sa

    from bot.store.workers import Identity, Worker, Workers

log = logging.getLogger(__name__)
RENEWALS = 6  # in the length of a lease
SHORTEST_PAUSE = 0.2  # seconds
LONGEST_STOP = 5.0  # seconds that a stop waits for a renewal under way
LOST = 70  # the exit code: EX_SOFTWARE of sysexits(3)


def _end_process() -> None:
    logging.shutdown()
    os._exit(LOST)


class HeldLease:
    """Keeps the lease valid for as long as the process works. `lost` is called when somebody else took it."""

    def __init__(self, store: Store, workers: Workers, lease: Lease, lost: Callable[[], None] = _end_process) -> None:
        self.lease = lease
        self.workers = workers
        self.shared_database = store.file is None
        self._store = store
        self._lost = lost
        self._confirmed = _since_boot()
        self._taking = True
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._renew_until_stopped, name="lease", daemon=True)

    @classmethod
    async def acquire(
        cls, store: Store, workers: Workers, identity: Identity, lost: Callable[[], None] = _end_process
    ) -> HeldLease:
        """Hold the lease of this name. Raises ConfigError while a worker on another machine holds it."""
        answer = await workers.acquire(identity)
        if not isinstance(answer, Lease):
            raise _taken(answer)
        held = cls(store, workers, answer, lost)
        store.fence, store.check_lease = held.fence, held.confirm
        held._thread.start()
        return held

    @property
    def remaining(self) -> float:
        """Seconds for which the lease is surely valid, also if the machine was asleep or this process was stopped."""
        return self.workers.length - (_since_boot() - self._confirmed)

    @property
    def may_take(self) -> bool:
        """Whether this process takes new work: its lease is valid, and it neither stops nor is drained."""
        return self._taking and self.remaining > 0

    def stop_taking(self) -> None:
        """Take no new work from now on."""
        self._taking = False

    def fence(self, connection: sa.Connection) -> None:
        """Within the transaction that marks an effect as begun: the process ends here if the lease is not valid."""
        try:
            self.lease.check(connection)
        except LeaseLostError as error:
            if not self.workers.renew_within(connection, self.lease):
                log.error("%s; stopping. What was started goes on", error)  # noqa: TRY400  -- no traceback helps here
                self._lost()
                raise

    async def confirm(self) -> None:
        """Directly before an outside call: renew the lease if it may have run out since the last renewal.

        Between the mark of an effect and the effect itself the process may have been stopped for long. It ends here if
        another process took its lease meanwhile. Raises DatabaseAwayError.
        """
        if self.remaining > 0:
            return
        before = _since_boot()
        if not await self.workers.renew(self.lease):
            log.error("another process took the lease of %r before an effect; stopping", self.lease.executor)
            self._lost()
            raise LeaseLostError(f"this process no longer holds the lease of {self.lease.executor!r}")
        self._confirmed = before

    async def release(self) -> None:
        """Give the lease back. The process must end directly afterwards."""
        await asyncio.to_thread(self.stop)
        await self.workers.release(self.lease)

    def stop(self) -> None:
        """Stop renewing, and taking new work."""
        self.stop_taking()
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join(LONGEST_STOP)

    def _renew_until_stopped(self) -> None:
        # A store of its own: what fills the pool of the others does not delay a renewal.
        store = Store(self._store.url, self._store.keyring, connections=1)
        pause = max(SHORTEST_PAUSE, self.workers.length / RENEWALS)
        try:
            while not self._stopped.wait(pause) and self._renewed(store):
                pass
        finally:
            store.close()

    def _renewed(self, store: Store) -> bool:
        """Renew once; false when another process took the lease. While the database is away the lease is kept waiting."""
        before = _since_boot()
        try:
            with store.engine.begin() as connection:
                held = self.workers.renew_within(connection, self.lease)
        except SQLAlchemyError as error:
            log.warning("the lease of %r cannot be renewed: %s", self.lease.executor, type(error).__name__)
            return True
        if held:
            self._confirmed = before
        elif not self._stopped.is_set():
            log.error("another process took the lease of %r; stopping. What was started goes on", self.lease.executor)
            self._lost()
        return held


def _since_boot() -> float:
    """Seconds that go on while the machine sleeps (CLOCK_BOOTTIME, Linux); else the monotonic clock."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()


def _taken(holder: Worker) -> ConfigError:
    problem = (
        f"another Signalbox is running as {holder.executor!r} on {holder.host}, seen {holder.silent_for:.0f} s ago, and two "
        "would do everything twice; stop it, or give this one its own name in SIGNALBOX_EXECUTOR"
    )
    return ConfigError("environment", (Fault(None, "SIGNALBOX_EXECUTOR", problem),))
