"""Following workflow runs: one poller for each repository, shared by all who watch a run of it."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from runners.errors import NotFoundError, RunnerError, UnavailableError
from runners.github.runs.watched import NEW_RUN_LAG, Listener, Watched, now

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from runners.github.api.reads import Reader
    from runners.github.runs.news import RunNews
    from runners.results import WorkflowRun

PATIENCE = 900.0  # seconds without an answer before watchers are told that it is over
_STALE_AFTER = 3  # intervals without an answer before they are told that news are late
_LONGEST_HOLD = 6  # intervals between tries while GitHub does not answer
_JOBS_LAG = 3  # looks at the jobs after the run's end: their list lags behind
_HEARD = 256  # runs that webhooks told of lately

log = logging.getLogger(__name__)


class RunPoller:
    """Looks at one repository's watched runs in turn, with conditional requests, as long as somebody watches.

    What GitHub asks of one look, it asks of all: while it wants patience, or does not answer, no run is looked at.
    """

    def __init__(self, github: Reader, repository: str) -> None:
        self._github = github
        self._repository = repository
        self._watched: dict[int, Watched] = {}
        self._heard: OrderedDict[int, None] = OrderedDict()
        self._changed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._held_until = float("-inf")
        self._refusals = 0
        self._refused_since: tuple[float, datetime] | None = None

    async def watch(
        self, run_id: int, *, interval: float, patience: float, attempt: int | None = None
    ) -> AsyncGenerator[WorkflowRun]:
        """What `github_actions.watch` promises."""
        watched = self._watched.get(run_id)
        if watched is None:
            watched = self._watched[run_id] = Watched(self._repository, run_id, interval, patience)
            watched.told_of = run_id in self._heard
        watched.interval = min(watched.interval, interval)
        listener = Listener(attempt or 1, since=now())
        watched.add(listener)
        self._wake()
        try:
            while True:
                item = await listener.news.get()
                if isinstance(item, RunnerError):
                    raise item.redacted(str)  # each watcher its own, with its own traceback
                yield item
                if item.state.ended:
                    return
        finally:
            watched.listeners.discard(listener)
            if not watched.listeners and self._watched.get(run_id) is watched:
                del self._watched[run_id]
                self._wake()

    def hint(self, news: RunNews) -> None:
        """Take what a webhook says: it is shown at once, and looked after where it cannot be the whole truth."""
        if news.job:
            self._heard[news.run_id] = None
            self._heard.move_to_end(news.run_id)
        while len(self._heard) > _HEARD:
            self._heard.popitem(last=False)
        watched = self._watched.get(news.run_id)
        if watched and watched.hear(news):
            self._changed.set()

    async def close(self) -> None:
        """Stop looking."""
        if self._task:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    def _wake(self) -> None:
        self._changed.set()
        if self._watched and (self._task is None or self._task.done()):
            self._task = asyncio.create_task(self._look_while_watched())

    async def _look_while_watched(self) -> None:
        while self._watched:
            self._changed.clear()
            following = min(self._watched.values(), key=lambda one: one.due)
            wait = max(following.due, self._held_until) - now()
            with suppress(TimeoutError):
                async with asyncio.timeout(max(wait, 0.0)):
                    await self._changed.wait()
                continue  # somebody came or went, or GitHub told of something
            if following.listeners:
                await self._look(following)

    async def _look(self, watched: Watched) -> None:
        doing = f"watching run {watched.run_id} of {self._repository}"
        try:
            seen = await watched.look(self._github, doing, crowd=len(self._watched))
        except UnavailableError as error:
            self._endure(watched, error)
        except NotFoundError as error:
            self._answered()
            if now() - watched.began > NEW_RUN_LAG * watched.interval:
                self._give_up(watched, error)
            watched.due = now() + watched.interval
        except RunnerError as error:
            self._give_up(watched, error)
        except Exception:
            log.exception("A look at run %s of %s went wrong", watched.run_id, self._repository)
            self._give_up(watched, RunnerError(doing, "GitHub's answer makes no sense"))
        else:
            self._answered()
            self._tell(watched, seen)

    def _tell(self, watched: Watched, seen: WorkflowRun) -> None:
        if seen.state.ended and not all(job.state.ended for job in seen.jobs) and watched.looks_after_end < _JOBS_LAG:
            watched.looks_after_end += 1
            watched.due = now() + watched.interval
            return
        watched.tell(seen)
        if seen.state.ended and not watched.wait_for_next_attempt():
            self._watched.pop(watched.run_id, None)

    def _endure(self, looked_at: Watched, error: UnavailableError) -> None:
        """GitHub answers nobody now: hold all looks, and tell those who wait that news are late."""
        self._refusals += 1
        hold = min(2.0 ** min(self._refusals - 1, 10), _LONGEST_HOLD) * looked_at.interval
        if error.retry_at:
            hold = max(hold, (error.retry_at - datetime.now(UTC)).total_seconds())
        began, since = self._refused_since = self._refused_since or (now(), datetime.now(UTC))
        self._held_until = looked_at.due = now() + hold
        for watched in list(self._watched.values()):
            if error.retry_at:  # GitHub answered, and asked for patience: that is no outage
                watched.answered = now()
            elif now() - watched.answered > watched.patience:
                self._give_up(watched, error)
                continue
            if now() - began + (hold if error.retry_at else 0.0) >= _STALE_AFTER * watched.interval:
                watched.tell_late(since, error.problem)

    def _answered(self) -> None:
        self._refusals, self._refused_since = 0, None

    def _give_up(self, watched: Watched, error: RunnerError) -> None:
        self._watched.pop(watched.run_id, None)
        for listener in watched.listeners:
            listener.news.put_nowait(error)
