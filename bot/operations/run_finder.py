"""Finds the workflow runs that nobody asked for here, and hands each to the handler that wants to hear of them."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from runners.errors import RunnerError, UnavailableError
from runners.github.runs.listing import RunList, read_run

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bot.operations.registry import RunListener
    from bot.services import Services
    from bot.store.cursors import Cursors
    from runners.github.runs.events import RunEvent
    from runners.results import WorkflowRun

log = logging.getLogger(__name__)
LOOK_EVERY = 60.0  # seconds; what has not changed costs nothing of GitHub's rate limit
LOOK_WHEN_QUIET = 300.0
QUIET_AFTER = 30  # looks that found nothing
LONGEST_PAUSE = 600.0  # between tries that fail
# A run that our own account started may be on its way to the operation that dispatched it.
GRACE = 90.0
OLDEST = timedelta(days=1)  # since a run ended, or was created, for it to be still worth telling of
# GitHub's list may show runs in another order than they were created in: within this nothing counts as read.
SETTLES = timedelta(minutes=10)
ALL_AGAIN = 3_600.0  # seconds between looks that go back a whole day


class RunFinder:
    """Looks for runs of each watched workflow: when GitHub's webhooks tell of one, else every minute."""

    def __init__(self, services: Services, cursors: Cursors, schedules: Sequence[RunListener]) -> None:
        named = ((watch, watch.workflow(services.config)) for watch in schedules)
        self._searches = [Search(services, cursors, watch, workflow) for watch, workflow in named if workflow]
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin to look. The durable engine must have been launched."""
        self._tasks = [asyncio.create_task(search.go_on()) for search in self._searches]

    def hint(self, news: RunEvent) -> None:
        """Take what a webhook says."""
        for search in self._searches:
            search.hint(news)

    async def close(self) -> None:
        """Look no more."""
        for task in self._tasks:
            task.cancel()
        for task in self._tasks:
            with suppress(asyncio.CancelledError):
                await task


class Search:
    """The search for runs of one workflow.

    Up to its mark every run was handled; the mark is kept, so that after a stop the search goes on from there.
    """

    def __init__(self, services: Services, cursors: Cursors, watch: RunListener, workflow: str) -> None:
        self._services = services
        self._cursors = cursors
        self._watch = watch
        self._workflow = workflow
        self._repository = services.config.github.repository
        self._name = f"runs {self._repository} {workflow}"
        self._list = RunList(services.github, self._repository, workflow)
        self._since: datetime | None = None
        self._all_again_at = 0.0
        self._mark: int | None = None
        self._open: dict[int, WorkflowRun] = {}
        self._settled: dict[int, datetime] = {}
        self._first_seen: dict[int, float] = {}
        self._told: dict[int, str] = {}
        self._hinted = asyncio.Event()
        self._quiet = 0
        self._failures = 0
        self._refused = False

    def hint(self, news: RunEvent) -> None:
        """Take what a webhook says of a run, if it is one of ours and not known yet."""
        if news.workflow == self._workflow and not self._is_known(news.run_id):
            self._told[news.run_id] = news.actor
            self._hinted.set()

    async def go_on(self) -> None:
        """Look, again and again; whatever goes wrong is logged once, and tried again."""
        while True:
            pause = await self._tried()
            if self._refused:  # GitHub asked for patience: no webhook shortens that
                await asyncio.sleep(pause)
                continue
            with suppress(TimeoutError):
                await asyncio.wait_for(self._hinted.wait(), pause)
            self._hinted.clear()

    async def _tried(self) -> float:
        try:
            await self.look()
        except Exception as error:  # noqa: BLE001  -- whatever it is, the search goes on
            return self._failed(error)
        self._failures, self._refused = 0, False
        grown = [self._first_seen[run_id] + GRACE - asyncio.get_running_loop().time() for run_id in self._open]
        return max(0.0, min([LOOK_WHEN_QUIET if self._quiet > QUIET_AFTER else LOOK_EVERY, *grown]))

    def _failed(self, error: Exception) -> float:
        self._failures += 1
        if self._failures == 1:
            words = str(error) if isinstance(error, RunnerError) else ""
            log.warning("looking for runs of %s: %s", self._workflow, words or "an error", exc_info=not words)
        pause = min(LOOK_EVERY * 2.0 ** (self._failures - 1), LONGEST_PAUSE)
        retry_at = error.retry_at if isinstance(error, UnavailableError) else None
        self._refused = retry_at is not None
        return max(pause, (retry_at - self._now()).total_seconds()) if retry_at else pause

    async def look(self) -> None:
        """Look once: at what webhooks told of, at GitHub's list, and at what had to wait. Raises RunnerError."""
        if self._mark is None:
            self._mark = await self._cursors.get(self._name)
        await self._read_told()
        found = await self._listed()
        for run in found:
            self._take(run, only_under_way=self._mark is None)  # the very first time
        self._quiet = self._quiet + 1 if not found else 0
        try:
            await self._hand_over()
        finally:
            await self._move_mark()

    async def _read_told(self) -> None:
        ours = await self._services.github.login(self._repository) if self._told else None
        for run_id, actor in list(self._told.items()):
            # Our own are most probably operations': GitHub's list is soon enough for the others among them.
            if actor != ours and not self._is_known(run_id):
                self._take(await read_run(self._services.github, self._repository, run_id))
            del self._told[run_id]

    async def _listed(self) -> tuple[WorkflowRun, ...]:
        # Only what is newer than all that is known, which is mostly nothing and then free; now and then all of a day.
        now, passed = self._now(), asyncio.get_running_loop().time()
        if self._since is None or passed >= self._all_again_at:
            self._since = now - OLDEST
            self._all_again_at = passed + ALL_AGAIN
        found = await self._list.created_since(self._since)
        if found:
            self._since = max(run.created_at for run in found) + timedelta(seconds=1)
        return found or ()

    def _take(self, run: WorkflowRun, *, only_under_way: bool = False) -> None:
        if self._is_known(run.run_id):
            return
        ended = run.ended_at if run.state.ended else None
        if (ended and only_under_way) or (ended and self._now() - ended > OLDEST):
            self._settled[run.run_id] = run.created_at
            return
        self._open[run.run_id] = run
        self._first_seen.setdefault(run.run_id, asyncio.get_running_loop().time())

    async def _hand_over(self) -> None:
        if not self._open:
            return
        failed: Exception | None = None
        ours = await self._services.github.login(self._repository)
        for run_id, run in sorted(self._open.items()):
            if run_id not in await self._services.run_claims.claimed_runs():
                if run.actor in ("", ours or run.actor) and self._is_young(run_id):
                    continue
                log.info("found run %s of %s, started by %.40s", run_id, self._workflow, run.actor)
                try:
                    await self._watch.handle(self._services, run)
                except Exception as error:  # noqa: BLE001  -- the other runs have their turn first
                    failed = error
                    continue
            self._settle(run)
        if failed:
            raise failed

    def _settle(self, run: WorkflowRun) -> None:
        del self._open[run.run_id]
        self._first_seen.pop(run.run_id, None)
        self._settled[run.run_id] = run.created_at

    async def _move_mark(self) -> None:
        old = self._now() - SETTLES
        lowest_open = min(self._open, default=None)
        passed = [
            number
            for number, created in self._settled.items()
            if created < old and (lowest_open is None or number < lowest_open)
        ]
        mark = max([self._mark or 0, *passed])
        if mark != self._mark:
            await self._cursors.advance(self._name, mark)
            self._mark = mark
        self._settled = _above(mark, self._settled.items())

    def _is_known(self, run_id: int) -> bool:
        return run_id <= (self._mark or 0) or run_id in self._settled or run_id in self._open

    def _is_young(self, run_id: int) -> bool:
        return asyncio.get_running_loop().time() - self._first_seen[run_id] < GRACE

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._services.clock(), UTC)


def _above(mark: int, numbered: Iterable[tuple[int, datetime]]) -> dict[int, datetime]:
    return {number: created for number, created in numbered if number > mark}
