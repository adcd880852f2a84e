"""Watches whether a worker is there for each environment, and lets the messages of its queued operations say so."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING

from bot.config import worker_labels
from bot.errors import DatabaseAwayError
from bot.operations import attendance, thread
from bot.slack.blocks import kit
from bot.store.operations import Status

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot.operations.spreading import Spreading
    from bot.services import Services

log = logging.getLogger(__name__)
INTERVAL = 5.0  # seconds
GRACE = 30.0  # seconds: a worker that is restarted is soon back


class UnservedWatch:
    """Checks the workers' labels at an interval. Of several processes the first by name draws the messages."""

    def __init__(self, services: Services, spreading: Spreading) -> None:
        self._services = services
        self._spreading = spreading
        self._unserved: Mapping[str, tuple[str, ...]] = {}
        self._since: dict[str, float] = {}  # when each was first found so
        self._reported = set[int]()
        self._task = asyncio.create_task(self._watch(), name="unserved")

    async def close(self) -> None:
        """Stop."""
        self._task.cancel()
        await asyncio.wait({self._task})

    async def check(self) -> None:
        """Check once. Raises DatabaseAwayError."""
        services = self._services
        workers = await services.lease.workers.all()
        unserved = attendance.unserved(services.config, workers)
        if unserved != self._unserved:
            for name in self._unserved.keys() - unserved.keys():
                log.info("a running worker takes the operations of %s again", name)
            for name, labels in unserved.items():
                log.warning("%s: %s", name, worker_labels.missing(labels))
            self._unserved = unserved
        first = min((worker.incarnation for worker in workers if worker.alive), default="")
        draws = first == services.lease.lease.incarnation
        drawn, crowded = (
            unserved if draws else {},
            await self._spreading.crowded(workers) if draws else frozenset[int](),
        )
        services.queue_display.unserved(drawn)
        services.queue_display.crowded(crowded)
        now = time.monotonic()
        self._since = {name: self._since.get(name, now) for name in drawn}
        await self._report_stopped({name: labels for name, labels in drawn.items() if now - self._since[name] >= GRACE})
        for queue in await services.operations.queues() if drawn or crowded else ():
            if crowded or worker_labels.environment_of(queue) in drawn:
                services.queue_display.changed(services, queue)

    async def _report_stopped(self, unserved: Mapping[str, tuple[str, ...]]) -> None:
        """Report in the threads of operations that had begun that nobody goes on with them; once for each operation."""
        services = self._services
        in_hand = set[int]()
        if unserved:
            in_hand.update(*(await services.engine.operations_in_hand()).values())
        for name, labels in unserved.items():
            for record in await services.operations.open_in(name):
                waits = record.status is Status.WAITING or record.number in in_hand | self._reported
                if not waits and record.message_ts:
                    self._reported.add(record.number)
                    text = f"Nobody continues this: its worker has ended, and {worker_labels.missing(labels)}."
                    message = kit.message(kit.escape(text), [kit.section(f":warning: {kit.escape(text)}")])
                    await thread.post_message(services, record, "no worker", message, None)

    async def _watch(self) -> None:
        while True:
            try:
                await self.check()
            except DatabaseAwayError as error:
                log.info("whether workers are there: %s", error)
            except Exception:
                log.exception("whether workers are there is not known now")
            await asyncio.sleep(INTERVAL)
