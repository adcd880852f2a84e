"""Finds workflow runs that Signalbox did not start, and passes each to the listener of its workflow."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from bot.operations import dropped
from bot.operations.registry import WorkflowOf
from runners.concurrency import stop_tasks
from runners.errors import NotFoundError, RunnerError, UnavailableError
from runners.github.runs.listing import RunList, read_run

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bot.operations.registry import RunListener
    from bot.services import Services
    from bot.store.cursors import Cursors
    from runners.github.runs.events import RunEvent
    from runners.results import WorkflowRun

log = logging.getLogger(__name__)
CHECK_INTERVAL = 60.0  # seconds; an unchanged answer costs nothing of GitHub's rate limit
QUIET_CHECK_INTERVAL = 300.0
QUIET_CHECKS = 30  # checks without a new run
LONGEST_PAUSE = 600.0  # seconds between failing checks
# Seconds in which an operation may still claim a run that our own account started.
GRACE = 90.0
OLDEST = timedelta(days=1)  # since its end, or its creation; older runs are not passed on
# GitHub's list may have runs in another order than that of their creation: the cursor stays behind by this.
ORDER_DELAY = timedelta(minutes=10)
FULL_CHECK_INTERVAL = 3_600.0  # seconds between checks that go back a whole day


class RunFinder:
    """Finds runs of each workflow with a listener: after a webhook, else every minute."""

    def __init__(self, services: Services, cursors: Cursors, listeners: Sequence[RunListener]) -> None:
        self._searches = [
            Search(services, cursors, listener, workflow)
            for listener in listeners
            for workflow in listener.workflows(services.config)
        ]
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin to check. The durable engine must have been launched."""
        self._tasks = [asyncio.create_task(search.repeat()) for search in self._searches]

    def hint(self, run_event: RunEvent) -> None:
        """Take an event of a webhook as a hint."""
        for search in self._searches:
            search.hint(run_event)

    async def close(self) -> None:
        """Stop."""
        await stop_tasks(self._tasks)


class Search:
    """The search for runs of one workflow.

    Every run up to its stored cursor was handled; after a restart the search continues from there.
    """

    def __init__(self, services: Services, cursors: Cursors, listener: RunListener, workflow: WorkflowOf) -> None:
        self._services = services
        self._cursors = cursors
        self._listener = listener
        self._workflow, self._repository = workflow.file, workflow.repository
        self._key = workflow.key
        self._name = f"runs {self._repository} {self._workflow}"
        self._list = RunList(services.github, self._repository, self._workflow)
        self._since: datetime | None = None
        self._full_check_at = 0.0
        self._cursor: int | None = None
        self._open: dict[int, WorkflowRun] = {}
        self._handled: dict[int, datetime] = {}
        self._first_listed: dict[int, float] = {}
        self._attempts: dict[int, int] = {}  # at runs whose listener failed
        self._hints: dict[int, str] = {}
        self._hinted = asyncio.Event()
        self._quiet = 0
        self._failures = 0
        self._refused = False

    def hint(self, run_event: RunEvent) -> None:
        """Take an event as a hint, if it is about a new run of this workflow."""
        of_event = WorkflowOf(run_event.repository, run_event.workflow).key
        if of_event == self._key and not self._is_handled_or_open(run_event.run_id):
            self._hints[run_event.run_id] = run_event.actor
            self._hinted.set()

    async def repeat(self) -> None:
        """Check again and again; the first of several failures is logged."""
        while True:
            pause = await self._check_and_pause()
            if self._refused:  # GitHub named a time to retry: no webhook shortens that
                await asyncio.sleep(pause)
                continue
            with suppress(TimeoutError):
                await asyncio.wait_for(self._hinted.wait(), pause)
            self._hinted.clear()

    async def _check_and_pause(self) -> float:
        try:
            await self.check()
        except Exception as error:  # noqa: BLE001  -- the search continues after any error
            return self._failed(error)
        self._failures, self._refused = 0, False
        grown = [self._first_listed[run_id] + GRACE - asyncio.get_running_loop().time() for run_id in self._open]
        return max(0.0, min([QUIET_CHECK_INTERVAL if self._quiet > QUIET_CHECKS else CHECK_INTERVAL, *grown]))

    def _failed(self, error: Exception) -> float:
        self._failures += 1
        if self._failures == 1:
            words = str(error) if isinstance(error, RunnerError) else ""
            log.warning("checking for runs of %s: %s", self._workflow, words or "an error", exc_info=not words)
        slower = 2.0 ** (self._failures - 1) if dropped.passes(error) or isinstance(error, RunnerError) else 1.0
        pause = min(CHECK_INTERVAL * slower, LONGEST_PAUSE)
        retry_at = error.retry_at if isinstance(error, UnavailableError) else None
        self._refused = retry_at is not None
        return max(pause, (retry_at - self._now()).total_seconds()) if retry_at else pause

    async def check(self) -> None:
        """Check once: hints of webhooks, GitHub's list, and runs that had to wait. Raises RunnerError."""
        if self._cursor is None:
            self._cursor = await self._cursors.get(self._name)
        await self._read_hints()
        runs = await self._listed()
        for run in runs:
            self._take(run, only_under_way=self._cursor is None)  # the very first time
        self._quiet = self._quiet + 1 if not runs else 0
        try:
            await self._pass_on()
        finally:
            await self._advance_cursor()

    async def _read_hints(self) -> None:
        ours = await self._services.github.login(self._repository) if self._hints else None
        for run_id, actor in list(self._hints.items()):
            # A run that our own account started is probably an operation's: GitHub's list is early enough for the others.
            if actor != ours and not self._is_handled_or_open(run_id):
                await self._read_hint(run_id)
            self._hints.pop(run_id, None)

    async def _read_hint(self, run_id: int) -> None:
        """Read the run of a hint. A hint that cannot be processed is dropped: GitHub's list has every run that there is."""
        try:
            self._take(await read_run(self._services.github, self._repository, run_id))
        except UnavailableError as error:
            if error.retry_at:  # for the whole account: the list would be refused too
                raise
            log.info("run %s of %s: %s", run_id, self._workflow, error)
        except NotFoundError:
            log.info("run %s of %s: GitHub has no such run (any more)", run_id, self._workflow)
            dropped.DROPPED.labels("run finder").inc()
        except Exception as error:  # noqa: BLE001  -- whatever is wrong with one run, the others are found
            dropped.count("run finder", f"the webhook of run {run_id}", error)

    async def _listed(self) -> tuple[WorkflowRun, ...]:
        # Only newer runs than those that were listed: mostly none, which is free. At times, all runs of a day.
        now, passed = self._now(), asyncio.get_running_loop().time()
        if self._since is None or passed >= self._full_check_at:
            self._since = now - OLDEST
            self._full_check_at = passed + FULL_CHECK_INTERVAL
        runs = await self._list.created_since(self._since)
        if runs:
            self._since = max(run.created_at for run in runs) + timedelta(seconds=1)
        for number, error in self._list.take_unreadable().items():
            dropped.count("run finder", f"run {number}", error)
        return runs or ()

    def _take(self, run: WorkflowRun, *, only_under_way: bool = False) -> None:
        if self._is_handled_or_open(run.run_id):
            return
        ended = run.ended_at if run.state.ended else None
        if (ended and only_under_way) or (ended and self._now() - ended > OLDEST):
            self._handled[run.run_id] = run.created_at
            return
        self._open[run.run_id] = run
        self._first_listed.setdefault(run.run_id, asyncio.get_running_loop().time())

    async def _pass_on(self) -> None:
        if not self._open:
            return
        failed: Exception | None = None
        ours = await self._services.github.login(self._repository)
        for run_id, run in sorted(self._open.items()):
            if run_id not in await self._services.run_claims.claimed_runs([run_id]):
                if run.actor in ("", ours or run.actor) and self._is_young(run_id):
                    continue
                log.info("found run %s of %s, started by %.40s", run_id, self._workflow, run.actor)
                try:
                    await self._listener.handle(self._services, run)
                except Exception as error:  # noqa: BLE001  -- raised after the other runs were passed on
                    if not await self._is_dropped(run, error):
                        failed = error
                        continue
            self._finish(run)
        if failed:
            raise failed

    async def _is_dropped(self, run: WorkflowRun, error: Exception) -> bool:
        """Whether the run is given up, since its listener failed again and again; people are notified."""
        attempts = self._attempts[run.run_id] = self._attempts.get(run.run_id, 0) + (not dropped.passes(error))
        if attempts < dropped.MOST_ATTEMPTS:
            return False
        what, then = f"{run.workflow}, run {run.number}", "Signalbox does not follow this run: watch it on GitHub."
        await dropped.report(self._services, "run finder", what, error, link=run.url, then=then)
        return True

    def _finish(self, run: WorkflowRun) -> None:
        del self._open[run.run_id]
        self._first_listed.pop(run.run_id, None)
        self._attempts.pop(run.run_id, None)
        self._handled[run.run_id] = run.created_at

    async def _advance_cursor(self) -> None:
        old = self._now() - ORDER_DELAY
        lowest_open = min(self._open, default=None)
        passed = [
            number
            for number, created in self._handled.items()
            if created < old and (lowest_open is None or number < lowest_open)
        ]
        cursor = max([self._cursor or 0, *passed])
        if cursor != self._cursor:
            await self._cursors.advance(self._name, cursor)
            self._cursor = cursor
        self._handled = _above(cursor, self._handled.items())

    def _is_handled_or_open(self, run_id: int) -> bool:
        return run_id <= (self._cursor or 0) or run_id in self._handled or run_id in self._open

    def _is_young(self, run_id: int) -> bool:
        return asyncio.get_running_loop().time() - self._first_listed[run_id] < GRACE

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._services.clock(), UTC)


def _above(cursor: int, numbered: Iterable[tuple[int, datetime]]) -> dict[int, datetime]:
    return {number: created for number, created in numbered if number > cursor}
