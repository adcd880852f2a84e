"""Watching workflow runs: one poller for each repository, shared by all watchers of its runs."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from contextlib import aclosing, suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from runners.concurrency import stop_tasks
from runners.errors import NotFoundError, RunnerError, UnavailableError
from runners.github.api.errors import check_repository
from runners.github.runs.polled_run import NEW_RUN_LAG, Listener, PolledRun, now

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from runners.github import GitHub
    from runners.github.api.reads import Reader
    from runners.github.runs.events import RunEvent
    from runners.results import WorkflowRun

OUTAGE_TIMEOUT = 900.0  # seconds without an answer before watching ends with an error
_STALE_AFTER = 3  # intervals without an answer before the state counts as stale
_LONGEST_HOLD = 6  # intervals between attempts while GitHub does not answer
_JOBS_LAG = 3  # polls of the jobs after the run's end: their list lags behind
_RECENT_EVENTS = 256  # runs with webhooks that are remembered

log = logging.getLogger(__name__)


async def watch_run(
    github: GitHub,
    repository: str,
    run_id: int,
    *,
    interval: float = 5.0,
    outage_timeout: float = OUTAGE_TIMEOUT,
    attempt: int | None = None,
) -> AsyncGenerator[WorkflowRun]:
    """The run with its jobs, each time that something changed; the last item has ended.

    With `attempt` only that attempt or a later attempt, which GitHub may need a moment to list; else the present
    attempt. Polls every `interval` seconds at first, less and less often later (see poll_schedule.py), and rarely while
    webhooks report on the run (`GitHub.receive_event`). Outlives `outage_timeout` seconds without an answer, and waits
    rate limits out; meanwhile an item has `stale_since`.

    Raises:
        UnavailableError: GitHub did not answer for longer than that.
        NotFoundError: no such run or attempt.
        AccessDeniedError: our credentials do not, or no longer, suffice.
    """
    check_repository(repository, f"watching run {run_id}")
    watching = github.poller(repository).watch(
        run_id, interval=interval, outage_timeout=outage_timeout, attempt=attempt
    )
    async with aclosing(watching) as runs:
        async for run in runs:
            yield run


class RunPoller:
    """Polls the watched runs of one repository in turn, with conditional requests, while there are watchers.

    A rate limit or an outage holds the polls of all runs.
    """

    def __init__(self, github: Reader, repository: str) -> None:
        self._github = github
        self._repository = repository
        self._runs: dict[int, PolledRun] = {}
        self._with_webhooks: OrderedDict[int, None] = OrderedDict()
        self._changed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._held_until = float("-inf")
        self._failures = 0
        self._failing_since: tuple[float, datetime] | None = None

    async def watch(
        self, run_id: int, *, interval: float, outage_timeout: float, attempt: int | None = None
    ) -> AsyncGenerator[WorkflowRun]:
        """The run's states, as `watch_run` describes."""
        run = self._runs.get(run_id)
        if run is None:
            run = self._runs[run_id] = PolledRun(self._repository, run_id, interval, outage_timeout)
            run.has_webhooks = run_id in self._with_webhooks
        run.interval = min(run.interval, interval)
        listener = Listener(attempt or 1, since=now())
        run.add(listener)
        self._wake()
        try:
            while True:
                update = await listener.updates.get()
                if isinstance(update, RunnerError):
                    raise update.redacted(str)  # a copy for each watcher, with its own traceback
                yield update
                if update.state.ended:
                    return
        finally:
            run.listeners.discard(listener)
            if not run.listeners and self._runs.get(run_id) is run:
                del self._runs[run_id]
                self._wake()

    def receive(self, event: RunEvent) -> None:
        """Take an event of a webhook: it is published at once, and confirmed by a poll where it may be incomplete."""
        if event.job:
            self._with_webhooks[event.run_id] = None
            self._with_webhooks.move_to_end(event.run_id)
        while len(self._with_webhooks) > _RECENT_EVENTS:
            self._with_webhooks.popitem(last=False)
        run = self._runs.get(event.run_id)
        if run and run.receive(event):
            self._changed.set()

    async def close(self) -> None:
        """Stop polling."""
        await stop_tasks(filter(None, [self._task]))

    def _wake(self) -> None:
        self._changed.set()
        if self._runs and (self._task is None or self._task.done()):
            self._task = asyncio.create_task(self._poll_while_watched())

    async def _poll_while_watched(self) -> None:
        while self._runs:
            self._changed.clear()
            following = min(self._runs.values(), key=lambda run: run.due)
            wait = max(following.due, self._held_until) - now()
            with suppress(TimeoutError):
                async with asyncio.timeout(max(wait, 0.0)):
                    await self._changed.wait()
                continue  # a watcher came or left, or a webhook arrived
            if following.listeners:
                await self._poll(following)

    async def _poll(self, run: PolledRun) -> None:
        doing = f"watching run {run.run_id} of {self._repository}"
        try:
            state = await run.poll(self._github, doing, crowd=len(self._runs))
        except UnavailableError as error:
            self._hold(run, error)
        except NotFoundError as error:
            self._answered()
            if now() - run.began > NEW_RUN_LAG * run.interval:
                self._give_up(run, error)
            run.due = now() + run.interval
        except RunnerError as error:
            self._give_up(run, error)
        except Exception:
            log.exception("The poll of run %s of %s failed", run.run_id, self._repository)
            self._give_up(run, RunnerError(doing, "GitHub's answer makes no sense"))
        else:
            self._answered()
            self._publish(run, state)

    def _publish(self, run: PolledRun, state: WorkflowRun) -> None:
        if state.state.ended and not all(job.state.ended for job in state.jobs) and run.polls_after_end < _JOBS_LAG:
            run.polls_after_end += 1
            run.due = now() + run.interval
            return
        run.publish(state)
        if state.state.ended and not run.wait_for_next_attempt():
            self._runs.pop(run.run_id, None)

    def _hold(self, polled: PolledRun, error: UnavailableError) -> None:
        """Hold all polls while GitHub does not answer, and report stale states to the watchers."""
        self._failures += 1
        hold = min(2.0 ** min(self._failures - 1, 10), _LONGEST_HOLD) * polled.interval
        if error.retry_at:
            hold = max(hold, (error.retry_at - datetime.now(UTC)).total_seconds())
        began, since = self._failing_since = self._failing_since or (now(), datetime.now(UTC))
        self._held_until = polled.due = now() + hold
        for run in list(self._runs.values()):
            if error.retry_at:  # a rate limit is an answer, not an outage
                run.answered = now()
            elif now() - run.answered > run.outage_timeout:
                self._give_up(run, error)
                continue
            if now() - began + (hold if error.retry_at else 0.0) >= _STALE_AFTER * run.interval:
                run.publish_stale(since, error.problem)

    def _answered(self) -> None:
        self._failures, self._failing_since = 0, None

    def _give_up(self, run: PolledRun, error: RunnerError) -> None:
        self._runs.pop(run.run_id, None)
        for listener in run.listeners:
            listener.updates.put_nowait(error)
