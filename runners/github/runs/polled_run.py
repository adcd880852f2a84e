"""A run that is polled: its last state, its listeners, and the time of its next poll."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from runners.errors import NotFoundError
from runners.github.runs import poll_schedule
from runners.github.runs.attempt_jobs import PER_PAGE, AttemptJobs
from runners.github.runs.parsing import parse_run

if TYPE_CHECKING:
    from datetime import datetime

    from runners.errors import RunnerError
    from runners.github.api.reads import Answer, Reader
    from runners.github.runs.attempt_jobs import JobsPoll
    from runners.github.runs.events import RunEvent
    from runners.results import WorkflowRun

NEW_RUN_LAG = 12  # intervals during which GitHub may not list a run, or an attempt, whose number it has just given
_EVENTS_TOGETHER = 0.2  # intervals in which several events lead to one poll
_END_LAG = 6  # polls, one an interval, until GitHub's answers show an end that a webhook reported
_JOBS_GAP = 3  # intervals between the end of all jobs and the next job or the run's end, which webhooks should report
_READ_RUN_AFTER = 60  # intervals without a change in the jobs, which otherwise show the run's state


@dataclass(eq=False, slots=True)
class Listener:
    """A queue of updates of `attempt` or a later attempt. `since` is the event loop's time at its start."""

    attempt: int
    updates: asyncio.Queue[WorkflowRun | RunnerError] = field(default_factory=asyncio.Queue)
    since: float = 0.0


class PolledRun:
    """A run. `interval` and `outage_timeout` are in seconds; `has_webhooks` while webhooks report on the run."""

    def __init__(self, repository: str, run_id: int, interval: float, outage_timeout: float) -> None:
        self.run_id = run_id
        self.interval = interval
        self.outage_timeout = outage_timeout
        self.listeners: set[Listener] = set()
        self.began = self.answered = now()
        self.due = 0.0
        self.has_webhooks = False
        self.polls_after_end = 0
        self._repository = repository
        self._path = f"/repos/{repository}/actions/runs/{run_id}"
        self._run: dict[str, Any] | None = None
        self._run_etag: str | None = None
        self._run_read_at = float("-inf")
        self._jobs = AttemptJobs()
        self._polled_at = float("-inf")
        self._changed = False  # in the last poll
        self._calls = 0
        self._end_polls = 0  # polls, one an interval, that remain after a webhook reported an end
        self._last: WorkflowRun | None = None
        self._stale = False

    def add(self, listener: Listener) -> None:
        """Add a listener; the last state is its first update."""
        if self._last and self._last.attempt >= listener.attempt:
            listener.updates.put_nowait(self._last)
        self.listeners.add(listener)

    def receive(self, event: RunEvent) -> bool:
        """Take an event of a webhook; whether the time of the next poll has changed."""
        if event.attempt < self._attempt:
            return False  # a late event of an earlier attempt
        self.has_webhooks = self.has_webhooks or event.job is not None  # events of runs alone report too little
        if self._run is None:  # the first poll is under way
            return bool(event.job and self._jobs.receive(event.job))
        if event.attempt > self._attempt or event.ended:
            self._end_polls = _END_LAG
            self.due = min(self.due, now() + _EVENTS_TOGETHER * self.interval)
            return True
        if event.job and self._jobs.receive(event.job):
            self.publish(parse_run(self._repository, self._run, self._jobs.jobs))
        if self.has_webhooks and not self._end_polls:
            self.due = now() + _JOBS_GAP * self.interval if self._jobs.ended else self._due_with_webhooks()
        return True

    async def poll(self, github: Reader, doing: str, *, crowd: int) -> WorkflowRun:
        """Read what may have changed. Raises RunnerError."""
        first, calls, run_was_read = self._run is None, 0, False
        if self._run is None or self._should_read_run():
            calls, run_was_read = await self._read_run(github, doing), True
        jobs = await self._read_jobs(github, doing)
        calls += jobs.calls
        if not run_was_read and (self._jobs.ended or (not calls and self._run_is_old)):
            calls += await self._read_run(github, doing)
            if self._ended:
                calls += (await self._read_jobs(github, doing)).calls
        self._plan_next(calls, crowd=crowd, lost_webhook=jobs.missed_webhook and not first)
        return parse_run(self._repository, self._run or {}, self._jobs.jobs)

    def publish(self, run: WorkflowRun) -> None:
        """Send a state that has changed to the listeners of its attempt."""
        if run == self._last and not self._stale:
            return
        self._last, self._stale = run, False
        self._send(run)

    def publish_stale(self, since: datetime, because: str) -> None:
        """Report once that the state is stale, and since when; the next answer ends that."""
        if self._last and not self._stale:
            self._stale = True
            self._send(replace(self._last, stale_since=since, stale_because=because))

    def _send(self, run: WorkflowRun) -> None:
        for listener in self.listeners:
            if run.attempt >= listener.attempt:
                listener.updates.put_nowait(run)

    def wait_for_next_attempt(self) -> bool:
        """Once an attempt has ended: whether a listener waits for a later attempt, which GitHub may not list yet."""
        self.listeners = {listener for listener in self.listeners if listener.attempt > self._attempt}
        for listener in list(self.listeners):
            if now() - listener.since > NEW_RUN_LAG * self.interval:
                doing = f"watching run {self.run_id} of {self._repository}"
                listener.updates.put_nowait(NotFoundError(doing, f"GitHub knows no attempt {listener.attempt} of it"))
                self.listeners.discard(listener)
        self.polls_after_end = 0
        self.due = now() + self.interval
        return bool(self.listeners)

    @property
    def _attempt(self) -> int:
        return int(self._run.get("run_attempt") or 1) if self._run else 0

    @property
    def _ended(self) -> bool:
        return self._run is not None and parse_run(self._repository, self._run).state.ended

    def _should_read_run(self) -> bool:
        waits = all(listener.attempt > self._attempt for listener in self.listeners)
        return bool(self._end_polls) or waits or self._jobs.ended or not self._jobs.jobs

    @property
    def _run_is_old(self) -> bool:
        return now() - self._run_read_at > _READ_RUN_AFTER * self.interval

    async def _read_run(self, github: Reader, doing: str) -> int:
        answer = await github.get(self._repository, self._path, doing=doing, etag=self._run_etag)
        self._run_read_at = now()
        if answer.unchanged:
            return 0
        before, self._run, self._run_etag = self._attempt, answer.data, answer.etag
        if before and self._attempt != before:
            self._jobs, self._calls, self.began = AttemptJobs(), 0, now()
        return 1

    async def _read_jobs(self, github: Reader, doing: str) -> JobsPoll:
        async def read(page: int, etag: str | None) -> Answer:
            path = f"{self._path}/jobs?filter=latest&per_page={PER_PAGE}&page={page}"
            return await github.get(self._repository, path, doing=doing, etag=etag)

        return await self._jobs.poll(read, whole=self._ended)

    def _plan_next(self, calls: int, *, crowd: int, lost_webhook: bool) -> None:
        self._polled_at = self.answered = now()
        self._calls += calls
        self._changed = bool(calls)
        if lost_webhook:
            self.has_webhooks = False  # until the next event arrives
        if self._end_polls:
            self._end_polls -= 1
            self.due = self._polled_at + self.interval
        elif self.has_webhooks:
            self.due = self._due_with_webhooks()
        else:
            passed = (self._polled_at - self.began) / self.interval
            soonest = max(passed + poll_schedule.pause(passed, crowd), poll_schedule.earliest(self._calls + 1))
            self.due = self.began + soonest * self.interval

    def _due_with_webhooks(self) -> float:
        pause = poll_schedule.WEBHOOKS_BUSY if self._changed else poll_schedule.WEBHOOKS_QUIET
        return self._polled_at + pause * self.interval


def now() -> float:
    """The event loop's time, in seconds."""
    return asyncio.get_running_loop().time()
