"""Follows a run that an operation started to its end, and posts the logs of its failed jobs."""

from __future__ import annotations

import asyncio
import logging
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from handlers.shared import run_views
from handlers.shared.dispatch import run_ended
from handlers.shared.github_outage import GitHubOutage
from handlers.shared.run_stop import RunStop
from runners.errors import RunnerError
from runners.explain import explain
from runners.github.runs import poller
from runners.github.runs.logs import job_log_tail
from runners.github.runs.reviews import pending_reviews
from runners.results import State, WorkflowRun
from runners.stored import stored

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from bot.operations.operation import Operation
    from bot.slack.blocks.kit import Message
    from bot.slack.live import LiveMessage
    from runners.results import Job, PendingReview

    Render = Callable[[WorkflowRun, float, Sequence[PendingReview]], Message]

log = logging.getLogger(__name__)
LOGS_POSTED = 5
REDRAW_INTERVAL = 10.0  # seconds; jobs' times go on in the message while nothing else changes


@stored("followed-run")
@dataclass(frozen=True, slots=True)
class FollowedRun:
    """A run that has ended; whose cancel ended it (a user id), or the time limit in seconds that did."""

    run: WorkflowRun
    cancelled_by: str = ""
    limit: float = 0.0

    @classmethod
    def of(cls, recorded: Self | WorkflowRun) -> FollowedRun:
        """What a step returned; before version 5 that was the run alone."""
        return recorded if isinstance(recorded, FollowedRun) else cls(recorded)

    @property
    def stopped(self) -> bool:
        """Whether Signalbox ended the run."""
        return bool(self.cancelled_by or self.limit)


async def follow(
    operation: Operation, run_id: int, activity: str, render: Render, *, limit: float | None = None
) -> FollowedRun:
    """Within a step: display the run until it ends. Raises RunnerError when GitHub reports nothing about it.

    `activity` ("is deploying") is for the queue; `render` gets the run, the time (Unix seconds), and who has to review it.
    Cancel, and `limit` in seconds, end the run at GitHub.
    """
    repository = operation.repository
    newest: list[WorkflowRun] = []
    pending: tuple[PendingReview, ...] = ()
    clock, outage = operation.services.clock, GitHubOutage(operation)
    await operation.set_activity(activity)

    def draw() -> Message:
        return render(newest[-1], clock(), pending)

    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(None) as given_up, operation.live() as live, _redrawing(live, draw, newest):
            stop = RunStop(operation, run_id, limit, lambda: given_up.reschedule(loop.time()))
            async with stop.watching(live, newest):
                async for run in poller.watch_run(operation.services.github, repository, run_id):
                    newest[:] = [run]
                    live.show(draw)
                    if any(job.held for job in run.jobs):
                        pending = await _pending_reviews(operation, run_id)
                        live.show(draw)
                    await outage.observe(run)
    except TimeoutError:
        raise _not_ended(run_id, newest) from None
    if not newest:
        raise RunnerError(f"following run {run_id}", "GitHub did not answer")
    await run_ended(operation, newest[-1])
    return _followed(newest[-1], stop, limit)


def _followed(run: WorkflowRun, stop: RunStop, limit: float | None) -> FollowedRun:
    if run.state is State.SUCCEEDED:  # it was quicker than the cancel
        return FollowedRun(run)
    if stop.cancelled_by:
        return FollowedRun(run, stop.cancelled_by)
    return FollowedRun(run, limit=limit or 0.0) if stop.overdue else FollowedRun(run)


def _not_ended(run_id: int, newest: Sequence[WorkflowRun]) -> RunnerError:
    where = f" at {newest[-1].url}" if newest else ""
    problem = "GitHub did not end the run, although it was told to cancel it, at last by force"
    return RunnerError(f"following run {run_id}", problem, remedy=f"Check the run{where} before you start another one.")


async def _pending_reviews(operation: Operation, run_id: int) -> tuple[PendingReview, ...]:
    """Who has to review the run; nobody in particular where GitHub does not say."""
    services = operation.services
    try:
        return await pending_reviews(services.github, operation.repository, run_id)
    except RunnerError as error:
        log.warning("operation %s: %s", operation.number, services.redact(str(error)))
        return ()


@asynccontextmanager
async def _redrawing(
    live: LiveMessage, render: Callable[[], Message], newest: list[WorkflowRun]
) -> AsyncIterator[None]:
    """Redraw the message at an interval, also while nothing but the time changes."""

    async def redraw() -> None:
        while True:
            await asyncio.sleep(REDRAW_INTERVAL)
            if newest:
                live.show(render)

    task = asyncio.create_task(redraw())
    try:
        yield
    finally:
        task.cancel()


async def post_logs(operation: Operation, run: WorkflowRun) -> str:
    """Durable: post the ends of the failing jobs' logs into the thread; the likely cause that they show, or ""."""
    ends = [await _post_log(operation, job) for job in run_views.failing_jobs(run)[:LOGS_POSTED]]
    cause = next(filter(None, map(explain, ends)), None)
    return cause.text if cause else ""


async def _post_log(operation: Operation, job: Job) -> str:
    async def read() -> str:
        # Redacted before it is stored, and before it is cut: no pattern recognises half a token.
        services = operation.services
        return services.redact(await job_log_tail(services.github, operation.repository, job.job_id))

    tail = await operation.step(f"log of job {job.job_id}", read)
    await operation.details(f"log {job.job_id}", run_views.job_log(job, tail))
    return tail
