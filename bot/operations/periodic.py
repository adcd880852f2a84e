"""Periodic tasks: what the bot does at an interval without a person, in one or several processes."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import math
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from prometheus_client import Gauge

from bot.config.targets import find_target
from bot.errors import DatabaseAwayError, UserError
from bot.operations import dropped
from bot.operations.registry import DueRun, PeriodicTask
from bot.operations.requests import check_queue
from bot.slack.web_api import ChatError
from bot.store.operations import Request
from runners.concurrency import stop_tasks
from runners.errors import RunnerError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from bot.config import Config
    from bot.services import Services
    from bot.store.cursors import Cursors

log = logging.getLogger(__name__)
REQUESTER = "signalbox"
FIRST_AFTER = 2.0  # seconds after the start: operations that the last process left unfinished continue first
SPREAD_FIRST = 3_600.0  # seconds within which each target of a spread task has its first run
AFTER = 1.0  # second later than a task asks to run again: what it waits for is over by then
RETRY_AFTER = 300.0  # seconds after a failure, unless the interval is shorter
STOP_TIMEOUT = 10.0  # seconds
LONGEST_SLEEP = 3_600.0  # seconds: the wall clock may be set, and another process may have run the task


# For /metrics, which registers it.
DUE = Gauge(
    "signalbox_periodic_task_due_timestamp_seconds",
    "When a periodic task is due next, in Unix seconds; it failed, or is late, where that is long past.",
    ["task"],
    registry=None,
)
_due_times: dict[str, dict[str, float]] = {}  # of each task, by target


class PeriodicTasks:
    """Runs every periodic task that the configuration asks for, each at its own interval.

    A cursor records when each ran last, so that a restart neither repeats nor skips a run. It moves after the run:
    a run that was interrupted, or that another process makes at the same time, runs again with the same due time.
    """

    def __init__(self, services: Services, cursors: Cursors, tasks: Sequence[PeriodicTask]) -> None:
        self._services = services
        self._at_stop = [task for task in tasks if task.at_stop and task.intervals(services.config)]
        self._tasks = [
            asyncio.create_task(_Repeated(services, cursors, task, target, interval).repeat(), name=task.name)
            for task in tasks
            for target, interval in task.intervals(services.config).items()
        ]

    async def close(self) -> None:
        """Stop; a task that runs is interrupted. What a task does at the end has STOP_TIMEOUT seconds."""
        await stop_tasks(self._tasks)
        for ending in self._at_stop:
            await self._end(ending)

    async def _end(self, task: PeriodicTask) -> None:
        try:
            if task.at_stop:
                await asyncio.wait_for(task.at_stop(self._services), STOP_TIMEOUT)
        except Exception as error:  # noqa: BLE001  -- the process stops all the same; the next start does what is due
            log.warning("periodic task %s: %s", task.name, self._services.redact(f"{type(error).__name__} {error}"))


class _Repeated:
    """One task for one target, repeated for as long as the process works."""

    def __init__(
        self, services: Services, cursors: Cursors, task: PeriodicTask, target: str, interval: timedelta
    ) -> None:
        self._services = services
        self._cursors = cursors
        self._task = task
        self._target = target
        self._interval = interval.total_seconds()
        self._cursor = f"periodic {task.name} {target}"
        # When a spread task runs first, unless a cursor says when it ran last; the others run at once.
        first_within = min(self._interval, SPREAD_FIRST)
        self._first = self._time_of_its_own(first_within, services.clock()) if task.spread else 0.0
        self._failures = 0  # in a row, for reasons that do not pass by themselves

    async def repeat(self) -> None:
        """Run the task whenever it is due. A failure is logged, and the run is tried again."""
        await asyncio.sleep(min(FIRST_AFTER, self._interval))
        while True:
            try:
                pause = await self._run_if_due()
                await self._note_success()
            except (RunnerError, UserError, ChatError, DatabaseAwayError) as error:
                pause = min(self._interval, RETRY_AFTER)
                log.warning("periodic task %s: %s", self._task.name, self._services.redact(str(error)))
                await self._report_lasting(error)
            except Exception as error:
                pause = min(self._interval, RETRY_AFTER)
                log.exception("periodic task %s stopped", self._task.name)
                await self._report_lasting(error)
            await asyncio.sleep(min(pause, LONGEST_SLEEP))

    async def _note_success(self) -> None:
        """The all-clear where the failure was reported."""
        reported, self._failures = self._failures >= dropped.MOST_ATTEMPTS, 0
        if reported:
            await dropped.recovered(self._services, "periodic tasks", f"{self._task.name} of {self._target}")

    async def _report_lasting(self, error: Exception) -> None:
        """Notify people once of a failure that does not pass by itself; the task is tried again all the same."""
        self._failures += not dropped.passes(error)
        if self._failures == dropped.MOST_ATTEMPTS and not dropped.passes(error):
            what, then = f"{self._task.name} of {self._target}", "It is tried again and again; the log has the details."
            await dropped.report(self._services, "periodic tasks", what, error, link="", then=then)

    async def _run_if_due(self) -> float:
        """Run the task if it is due; the seconds until it is due next."""
        last = await self._cursors.get(self._cursor)  # in milliseconds
        due = self._first if last is None else last / 1_000 + self._interval
        self._note(due)
        if (pause := due - self._services.clock()) > 0:
            return pause
        again_in = await self._task.run(self._services, DueRun(self._target, due))
        pause = self._interval if again_in is None else min(self._interval, again_in.total_seconds() + AFTER)
        if self._task.spread and again_in is None:
            now = self._services.clock()
            pause = self._time_of_its_own(self._interval, now + self._interval / 2) - now
        # A run that is wanted at another time than after the interval is recorded as if this one had been at another time.
        last_run = self._services.clock() - self._interval + pause
        await self._cursors.advance(self._cursor, int(last_run * 1_000))
        self._note(last_run + self._interval)
        return pause

    def _note(self, due: float) -> None:
        """Publish when the task is due next: of its targets the one that is due first."""
        times = _due_times.setdefault(self._task.name, {})
        times[self._target] = due or self._services.clock()
        DUE.labels(self._task.name).set(min(times.values()))

    def _time_of_its_own(self, period: float, after: float) -> float:
        """The first time after this one at which it is the target's turn in the period: the same in every process."""
        digest = hashlib.sha256(self._cursor.encode()).digest()
        offset = int.from_bytes(digest[:8]) / 2**64 * period
        return offset + period * (math.floor((after - offset) / period) + 1)


def operation_at_interval(
    kind: str, title: str, intervals: Callable[[Config], Mapping[str, timedelta]], *, spread: bool = False
) -> PeriodicTask:
    """A periodic task that begins an operation of this kind; `title` may name the {target}, `spread` as there."""

    async def begin(services: Services, run: DueRun) -> None:
        target = find_target(services.config, run.target)
        if target is None:
            return
        if any(record.kind == kind for record in await services.operations.open_in(run.target)):
            return  # the last one still waits, perhaps behind a plan that nobody approves: it will check everything
        await check_queue(services, run.target, run.target)
        channel = await services.chat.channel_id(target.channel)
        key = f"{kind}-{run.target}-{datetime.fromtimestamp(run.due_at, UTC):%Y%m%dT%H%M%S.%f}"
        request = Request(key, kind, run.target, REQUESTER, title.format(target=run.target), channel, {})
        await services.engine.begin(request)

    return PeriodicTask(kind, intervals, begin, spread=spread)
