"""/metrics: what this process counted, and how the database says that operations stand.

Counters and histograms are of the process: those of several processes add up. Gauges that are read from the database are the
same in every process on it: their maximum counts. No label has a person, a ref, a number or another text of a stranger.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, TypeVar

from aiohttp import web
from prometheus_client import CollectorRegistry, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from bot.inbound.connections import CLOSED
from bot.inbound.refusals import REFUSED
from bot.operations import attendance, periodic
from bot.operations.dropped import DROPPED
from bot.slack import web_api
from bot.store import endings
from bot.store.refused_attempts import ATTEMPTS
from runners.http import counts

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from prometheus_client.metrics import MetricWrapperBase

    from bot.operations.attendance import Attendance
    from bot.process.health import Health
    from bot.services import Services
    from bot.store.outbox import Backlog
    from bot.store.waiting import Waiting

log = logging.getLogger(__name__)
T = TypeVar("T")
ACKNOWLEDGED = Histogram(
    "signalbox_slack_acknowledgement_seconds",
    "From a request of Slack to its answer, which Slack expects within 3 seconds.",
    buckets=(0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 3, 5),
    registry=None,
)
OF_THE_PROCESS: tuple[MetricWrapperBase, ...] = (
    DROPPED, REFUSED, CLOSED, ATTEMPTS, ACKNOWLEDGED, endings.ENDED, endings.DURATION, periodic.DUE,
    web_api.CALLS, web_api.LIMITED, counts.CALLS, counts.REMAINING, counts.LIMIT,
)  # fmt: skip


def shared(read: Callable[[], Awaitable[T]]) -> Callable[[], Awaitable[T]]:
    """The same reading for all who ask while it is under way: strangers cannot make the database read more often."""
    reading: list[asyncio.Future[T]] = []

    async def read_once() -> T:
        if not reading or reading[0].done():
            reading[:] = [asyncio.ensure_future(read())]
        return await asyncio.shield(reading[0])

    return read_once


class Metrics:
    """Answers /metrics; with `by_queue` also how many operations wait in each environment's queue, by its name."""

    def __init__(self, services: Services, health: Health, *, by_queue: bool) -> None:
        self._services = services
        self._health = health
        self._by_queue = by_queue
        self._database = CollectorRegistry()  # what is read from it; left out while it does not answer
        self._process = CollectorRegistry()
        ProcessCollector(registry=self._process)
        for metric in OF_THE_PROCESS:
            self._process.register(metric)
        self._up = _gauge(self._process, "signalbox_database_up", "Whether the database answers.")
        self._problems = _gauge(
            self._process,
            "signalbox_problem",
            "What keeps this process from its work, by source: 1 while it lasts.",
            "source",
        )
        self._define()
        self._read = shared(self._read_all)

    def _define(self) -> None:
        of = self._database
        self._operations = _gauge(of, "signalbox_operations", "Operations by status.", "status")
        self._workers = _gauge(of, "signalbox_workers", "Processes by state.", "state")
        self._queued = _gauge(of, "signalbox_oldest_queued_seconds", "Age of the oldest queued operation.")
        self._heartbeat = _gauge(of, "signalbox_oldest_heartbeat_seconds", "Since the oldest heartbeat.")
        self._undelivered = _gauge(of, "signalbox_undelivered_messages", "Messages that Slack has not taken yet.")
        self._waiting = _gauge(of, "signalbox_queued_operations", "Operations that wait in a queue.")
        self._approvals = _gauge(of, "signalbox_waiting_approvals", "Approvals that wait for a decision.")
        self._oldest_approval = _gauge(
            of, "signalbox_oldest_approval_seconds", "Age of the oldest approval that waits."
        )
        if self._by_queue:
            self._queues = _gauge(of, "signalbox_queue_length", "Operations that wait, by environment.", "environment")

    async def _read_all(self) -> tuple[dict[str, int], Attendance, Backlog, Waiting]:
        operations, services = self._services.operations, self._services
        present = await attendance.read(services)
        return await operations.counts(), present, await services.outbox.backlog(), await operations.waiting()

    async def handle(self, _: web.Request) -> web.Response:
        """The metrics as text."""
        self._problems.clear()
        for source, words in self._health.by_source().items():
            self._problems.labels(source).set(bool(words))
        text = b""
        try:
            self._set(*await self._read())
            text = generate_latest(self._database)
        except Exception:
            log.exception("metrics: the database does not answer")
        self._up.set(bool(text))
        body = generate_latest(self._process) + text
        return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE_PLAIN_0_0_4})

    def _set(self, counts_: dict[str, int], present: Attendance, backlog: Backlog, waiting: Waiting) -> None:
        self._operations.clear()  # a status that no operation has any more
        for status, count in counts_.items():
            self._operations.labels(status).set(count)
        for state in attendance.STATES:
            self._workers.labels(state).set(present.count(state))
        self._queued.set(present.oldest_queued or 0)
        self._heartbeat.set(present.oldest_heartbeat)
        self._undelivered.set(backlog.count)
        self._waiting.set(sum(waiting.queues.values()))
        self._approvals.set(waiting.approvals)
        self._oldest_approval.set(max(0, self._services.clock() - (waiting.oldest_approval or self._services.clock())))
        if self._by_queue:
            self._queues.clear()
            for environment in {*self._services.config.environments, *waiting.queues}:
                self._queues.labels(environment).set(waiting.queues.get(environment, 0))


def _gauge(registry: CollectorRegistry, name: str, help_text: str, *labels: str) -> Gauge:
    return Gauge(name, help_text, labels, registry=registry)
