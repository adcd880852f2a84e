"""One run that is watched: what is known of it, who waits for news, and when it is looked at next."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from runners.errors import NotFoundError
from runners.github.runs import pace
from runners.github.runs.job_list import PER_PAGE, JobList
from runners.github.runs.runs import run_of

if TYPE_CHECKING:
    from datetime import datetime

    from runners.errors import RunnerError
    from runners.github.api.reads import Answer, Reader
    from runners.github.runs.job_list import Seen
    from runners.github.runs.news import RunNews
    from runners.results import WorkflowRun

NEW_RUN_LAG = 12  # intervals during which GitHub may not yet know a run, or an attempt, that it has just named
_TOGETHER = 0.2  # intervals in which what webhooks tell is looked after together
_ANSWERS_LAG = 6  # looks, one an interval, for the end that a webhook told of
_GAP = 3  # intervals between the end of all jobs and the next ones, or the run's end, of which webhooks should tell
_ASK_RUN_EVERY = 60  # intervals, where nothing changes in its jobs, which else tell how it stands


@dataclass(eq=False, slots=True)
class Listener:
    """Somebody who waits for news of this attempt or a later one."""

    attempt: int
    news: asyncio.Queue[WorkflowRun | RunnerError] = field(default_factory=asyncio.Queue)
    since: float = 0.0


class Watched:
    """A run. `interval` and `patience` are in seconds; `told_of` while webhooks bring its news."""

    def __init__(self, repository: str, run_id: int, interval: float, patience: float) -> None:
        self.run_id = run_id
        self.interval = interval
        self.patience = patience
        self.listeners: set[Listener] = set()
        self.began = self.answered = now()
        self.due = 0.0
        self.told_of = False
        self.looks_after_end = 0
        self._repository = repository
        self._path = f"/repos/{repository}/actions/runs/{run_id}"
        self._run: dict[str, Any] | None = None
        self._run_etag: str | None = None
        self._run_asked = float("-inf")
        self._jobs = JobList()
        self._looked = float("-inf")
        self._busy = False
        self._spent = 0
        self._eager = 0
        self._last: WorkflowRun | None = None
        self._late = False

    def add(self, listener: Listener) -> None:
        """Somebody more; what is known already is their first news."""
        if self._last and self._last.attempt >= listener.attempt:
            listener.news.put_nowait(self._last)
        self.listeners.add(listener)

    def hear(self, news: RunNews) -> bool:
        """Take what a webhook says; whether the time of the next look has changed."""
        if news.attempt < self._attempt:
            return False  # late news of what is over
        self.told_of = self.told_of or news.job is not None  # of runs alone, too little would be told
        if self._run is None:  # the first look is on its way
            return bool(news.job and self._jobs.tell(news.job))
        if news.attempt > self._attempt or news.ended:
            self._eager = _ANSWERS_LAG
            self.due = min(self.due, now() + _TOGETHER * self.interval)
            return True
        if news.job and self._jobs.tell(news.job):
            self.tell(run_of(self._repository, self._run, self._jobs.jobs))
        if self.told_of and not self._eager:
            self.due = now() + _GAP * self.interval if self._jobs.ended else self._when_not_told()
        return True

    async def look(self, github: Reader, doing: str, *, crowd: int) -> WorkflowRun:
        """Ask GitHub for what may have changed. Raises RunnerError."""
        first, cost, asked = self._run is None, 0, False
        if self._run is None or self._should_ask_run():
            cost, asked = await self._ask_run(github, doing), True
        seen = await self._ask_jobs(github, doing)
        cost += seen.cost
        if not asked and (self._jobs.ended or (not cost and self._run_unasked)):
            cost += await self._ask_run(github, doing)
            if self._ended:
                cost += (await self._ask_jobs(github, doing)).cost
        self._plan_next(cost, crowd=crowd, lost=seen.untold and not first)
        return run_of(self._repository, self._run or {}, self._jobs.jobs)

    def tell(self, seen: WorkflowRun) -> None:
        """Give it to those who wait for this attempt, if there is anything new."""
        if seen == self._last and not self._late:
            return
        self._last, self._late = seen, False
        self._give(seen)

    def tell_late(self, since: datetime, because: str) -> None:
        """Say that nothing new can be known, and since when; what GitHub tells afterwards takes it back."""
        if self._last and not self._late:
            self._late = True
            self._give(replace(self._last, stale_since=since, stale_because=because))

    def _give(self, seen: WorkflowRun) -> None:
        for listener in self.listeners:
            if seen.attempt >= listener.attempt:
                listener.news.put_nowait(seen)

    def wait_for_next_attempt(self) -> bool:
        """Once an attempt has ended: whether somebody waits for a later one, which GitHub may not know yet."""
        self.listeners = {one for one in self.listeners if one.attempt > self._attempt}
        for listener in list(self.listeners):
            if now() - listener.since > NEW_RUN_LAG * self.interval:
                doing = f"watching run {self.run_id} of {self._repository}"
                listener.news.put_nowait(NotFoundError(doing, f"GitHub knows no attempt {listener.attempt} of it"))
                self.listeners.discard(listener)
        self.looks_after_end = 0
        self.due = now() + self.interval
        return bool(self.listeners)

    @property
    def _attempt(self) -> int:
        return int(self._run.get("run_attempt") or 1) if self._run else 0

    @property
    def _ended(self) -> bool:
        return self._run is not None and run_of(self._repository, self._run).state.ended

    def _should_ask_run(self) -> bool:
        waits = all(listener.attempt > self._attempt for listener in self.listeners)
        return bool(self._eager) or waits or self._jobs.ended or not self._jobs.jobs

    @property
    def _run_unasked(self) -> bool:
        return now() - self._run_asked > _ASK_RUN_EVERY * self.interval

    async def _ask_run(self, github: Reader, doing: str) -> int:
        answer = await github.get(self._repository, self._path, doing=doing, etag=self._run_etag)
        self._run_asked = now()
        if answer.unchanged:
            return 0
        before, self._run, self._run_etag = self._attempt, answer.data, answer.etag
        if before and self._attempt != before:
            self._jobs, self._spent, self.began = JobList(), 0, now()
        return 1

    async def _ask_jobs(self, github: Reader, doing: str) -> Seen:
        async def ask(page: int, etag: str | None) -> Answer:
            path = f"{self._path}/jobs?filter=latest&per_page={PER_PAGE}&page={page}"
            return await github.get(self._repository, path, doing=doing, etag=etag)

        return await self._jobs.look(ask, whole=self._ended)

    def _plan_next(self, cost: int, *, crowd: int, lost: bool) -> None:
        self._looked = self.answered = now()
        self._spent += cost
        self._busy = bool(cost)
        if lost:
            self.told_of = False  # a webhook was lost, or they come no more: the next one says otherwise
        if self._eager:
            self._eager -= 1
            self.due = self._looked + self.interval
        elif self.told_of:
            self.due = self._when_not_told()
        else:
            passed = (self._looked - self.began) / self.interval
            soonest = max(passed + pace.pause(passed, crowd), pace.earliest(self._spent + 1))
            self.due = self.began + soonest * self.interval

    def _when_not_told(self) -> float:
        pause = pace.TOLD_BUSY if self._busy else pace.TOLD_QUIET
        return self._looked + pause * self.interval


def now() -> float:
    """The event loop's time, in seconds."""
    return asyncio.get_running_loop().time()
