"""Following workflow runs: one poller for each repository, shared by all who watch a run of it."""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from runners.errors import NotFoundError, RunnerError, UnavailableError
from runners.github.runs import run_of

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from runners.github import GitHub
    from runners.results import WorkflowRun

PATIENCE = 900.0  # seconds without an answer before watchers are told
_SLOWER = ((60, 1), (180, 2), (360, 4))  # up to so many intervals after the start: look every so many intervals
_SLOWEST = 6
_NEW_RUN_LAG = 12  # intervals during which GitHub may not yet know a run that it has just named
_JOBS_LAG = 3  # looks at the jobs after the run's end: their list lags behind
_JOBS_PER_PAGE = 100  # the most that GitHub gives

log = logging.getLogger(__name__)


@dataclass(eq=False, slots=True)
class _Watched:
    run_id: int
    interval: float
    patience: float
    began: float = field(default_factory=time.monotonic)
    due: float = 0.0
    answered: float = field(default_factory=time.monotonic)
    listeners: set[asyncio.Queue[WorkflowRun | RunnerError]] = field(default_factory=set)
    last: WorkflowRun | None = None
    run: dict[str, Any] = field(default_factory=dict)
    run_etag: str | None = None
    pages: dict[int, tuple[str | None, dict[str, Any]]] = field(default_factory=dict)
    looks_after_end: int = 0

    def pause(self) -> float:
        """Seconds until the next look: longer as the run gets longer."""
        intervals = (time.monotonic() - self.began) / self.interval
        return self.interval * next((factor for limit, factor in _SLOWER if intervals < limit), _SLOWEST)

    def tell(self, news: WorkflowRun | RunnerError) -> None:
        for queue in self.listeners:
            queue.put_nowait(news)


class RunPoller:
    """Looks at one repository's watched runs in turn, with conditional requests, as long as somebody watches."""

    def __init__(self, github: GitHub, repository: str) -> None:
        self._github = github
        self._repository = repository
        self._watched: dict[int, _Watched] = {}
        self._changed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def watch(self, run_id: int, *, interval: float, patience: float) -> AsyncGenerator[WorkflowRun]:
        """What `github_actions.watch` promises."""
        watched = self._watched.setdefault(run_id, _Watched(run_id, interval, patience))
        watched.interval = min(watched.interval, interval)
        news: asyncio.Queue[WorkflowRun | RunnerError] = asyncio.Queue()
        if watched.last:
            news.put_nowait(watched.last)
        watched.listeners.add(news)
        self._wake()
        try:
            while True:
                item = await news.get()
                if isinstance(item, RunnerError):
                    raise item.redacted(str)  # each watcher its own, with its own traceback
                yield item
                if item.state.ended:
                    return
        finally:
            watched.listeners.discard(news)
            if not watched.listeners and self._watched.get(run_id) is watched:
                del self._watched[run_id]
                self._wake()

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
            with suppress(TimeoutError):
                async with asyncio.timeout(max(following.due - time.monotonic(), 0.0)):
                    await self._changed.wait()
                continue  # somebody came or went
            if following.listeners:
                await self._look(following)

    async def _look(self, watched: _Watched) -> None:
        try:
            seen = await self._ask(watched)
            watched.answered = time.monotonic()
            watched.due = watched.answered + watched.pause()
        except UnavailableError as error:
            self._endure(watched, error)
        except NotFoundError as error:
            if time.monotonic() - watched.began > _NEW_RUN_LAG * watched.interval:
                self._give_up(watched, error)
            watched.due = time.monotonic() + watched.interval
        except RunnerError as error:
            self._give_up(watched, error)
        except Exception:
            log.exception("A look at run %s of %s went wrong", watched.run_id, self._repository)
            self._give_up(watched, RunnerError(self._doing(watched), "GitHub's answer makes no sense"))
        else:
            self._tell(watched, seen)

    def _tell(self, watched: _Watched, seen: WorkflowRun) -> None:
        if seen.state.ended and not all(job.state.ended for job in seen.jobs) and watched.looks_after_end < _JOBS_LAG:
            watched.looks_after_end += 1
            watched.pages.clear()
            watched.due = time.monotonic() + watched.interval
            return
        if seen != watched.last:
            watched.last = seen
            watched.tell(seen)
        if seen.state.ended:
            self._watched.pop(watched.run_id, None)

    def _endure(self, watched: _Watched, error: UnavailableError) -> None:
        now = time.monotonic()
        watched.due = now + watched.pause()
        if error.retry_at:  # GitHub answered, and asked for patience: that is no outage
            watched.answered = now
            watched.due = max(watched.due, now + (error.retry_at - datetime.now(UTC)).total_seconds())
        elif now - watched.answered > watched.patience:
            self._give_up(watched, error)

    def _give_up(self, watched: _Watched, error: RunnerError) -> None:
        self._watched.pop(watched.run_id, None)
        watched.tell(error)

    def _doing(self, watched: _Watched) -> str:
        return f"watching run {watched.run_id} of {self._repository}"

    async def _ask(self, watched: _Watched) -> WorkflowRun:
        path = f"/repos/{self._repository}/actions/runs/{watched.run_id}"
        doing = self._doing(watched)
        answer = await self._github.get(self._repository, path, doing=doing, etag=watched.run_etag)
        if not answer.unchanged:
            watched.run, watched.run_etag = answer.data, answer.etag
        jobs: list[dict[str, Any]] = []
        page = 0
        while page == 0 or len(jobs) < watched.pages[page][1]["total_count"]:
            page += 1
            etag = watched.pages[page][0] if page in watched.pages else None
            asked = f"{path}/jobs?filter=latest&per_page={_JOBS_PER_PAGE}&page={page}"
            answer = await self._github.get(self._repository, asked, doing=doing, etag=etag)
            if not answer.unchanged:
                watched.pages[page] = (answer.etag, answer.data)
            its_jobs = watched.pages[page][1]["jobs"]
            if not its_jobs:
                break
            jobs += its_jobs
        return run_of(self._repository, watched.run, jobs)
