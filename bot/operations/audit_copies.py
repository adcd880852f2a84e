"""Copies of the audit log, made as it grows: each entry is sent to each destination at least once, and in order.

A cursor says what a destination has; it moves after the entries have been sent. A file belongs to its machine and gets every
entry there; syslog gets every entry from one process at a time.
"""

from __future__ import annotations

import asyncio
import json
import logging
from typing import TYPE_CHECKING

from bot.errors import DatabaseAwayError
from bot.operations import dropped
from bot.process.machine import machine_id
from bot.store.audit_export import as_json
from runners import audit_streams
from runners.concurrency import run_blocking, stop_tasks
from runners.errors import RunnerError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.config.models.audit import Stream
    from bot.services import Services
    from bot.store.audit import StoredEntry

log = logging.getLogger(__name__)
PURPOSE = audit_streams.Purpose("copying the audit log", "audit.copy_to")
INTERVAL = 1.0  # seconds between two looks for new entries
LONGEST_PAUSE = 60.0  # seconds after a failure
BATCH = 500  # entries
TIMEOUT = 40.0  # seconds for a batch
REPORT_AFTER = 900.0  # seconds of failures
STOP_TIMEOUT = 10.0  # seconds for what is missing when the process stops


class AuditCopies:
    """Copies to each configured destination until it is closed."""

    def __init__(self, services: Services) -> None:
        self._copies = [_Copy(services, destination) for destination in services.config.audit.copy_to]
        self._tasks = [asyncio.create_task(copy.repeat(), name=f"audit copy {copy.name}") for copy in self._copies]

    async def close(self) -> None:
        """Stop, after the last entries have been copied if that is possible at once."""
        await stop_tasks(self._tasks)
        for copy in self._copies:
            try:
                await asyncio.wait_for(copy.send_missing(), STOP_TIMEOUT)
            except (RunnerError, DatabaseAwayError, TimeoutError) as error:
                log.warning("audit copy %s: %s; the next start continues", copy.name, error)


class _Copy:
    """The copy at one destination."""

    def __init__(self, services: Services, destination: Stream) -> None:
        self._services = services
        self._destination = destination
        self.name = destination.name
        if destination.file:
            self.name = f"{destination.name} on {machine_id(services.workplace)}"
        self._failing_since: float | None = None
        self._reported = False

    async def repeat(self) -> None:
        """Copy whenever there are new entries. A failure is tried again, at first soon and then each minute."""
        pause = INTERVAL
        while True:
            try:
                await self.send_missing()
                reported, self._reported = self._reported, False
                pause, self._failing_since = INTERVAL, None
                if reported:
                    await dropped.recovered(self._services, "audit copies", self._destination.name)
            except (RunnerError, DatabaseAwayError) as error:
                pause = min(2 * pause, LONGEST_PAUSE)
                log.warning("audit copy %s: %s", self.name, self._services.redact(str(error)))
                await self._report_lasting(error)
            except Exception as error:
                pause = LONGEST_PAUSE
                log.exception("audit copy %s", self.name)
                await self._report_lasting(error)
            await asyncio.sleep(pause)

    async def send_missing(self) -> None:
        """Send every entry that the copy does not have. Raises RunnerError, DatabaseAwayError."""
        while entries := await self._services.copies.next_batch(self.name, BATCH):
            await run_blocking(self._send, entries, timeout=TIMEOUT, doing=PURPOSE.doing)
            await self._services.copies.advance(self.name, entries[-1].number)

    def _send(self, entries: Sequence[StoredEntry]) -> None:
        lines = [json.dumps(as_json(stored), default=repr) for stored in entries]
        if self._destination.file:
            audit_streams.append(self._services.workplace.parent / self._destination.file, lines, PURPOSE)
        elif self._destination.syslog:
            instance = self._services.lease.lease.executor
            messages = [
                audit_streams.syslog_message(line, stored.at, instance, "entry")
                for line, stored in zip(lines, entries, strict=True)
            ]
            audit_streams.send_syslog(self._destination.syslog, messages, PURPOSE)

    async def _report_lasting(self, error: Exception) -> None:
        now = self._services.clock()
        self._failing_since = now if self._failing_since is None else self._failing_since
        if self._reported or now - self._failing_since < REPORT_AFTER:
            return
        self._reported = True
        then = "Its entries wait in the database, and it is tried again each minute."
        await dropped.report(self._services, "audit copies", self._destination.name, error, link="", then=then)
