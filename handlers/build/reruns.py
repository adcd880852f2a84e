"""Running failed jobs again by itself, where all of them failed because somebody's rate limit was spent."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from bot.slack.blocks import kit
from bot.store.operations import Status
from handlers.build import board
from handlers.build.orphaned_resources import delete_orphans
from runners.errors import RunnerError
from runners.github.runs import reruns
from runners.results import State

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.config import Rerun
    from handlers.build.progress import Progress
    from runners.results import Job, WorkflowRun

LOOK_EVERY = 1.0  # seconds: whether somebody has called it off
NAMED = 3  # jobs whose cause the board tells
FAILED = (State.FAILED, State.UNKNOWN)


def key_of(run_id: int, attempt: int) -> str:
    """What marks the operation that runs the failed jobs of this attempt again."""
    return f"rerun-{run_id}-{attempt}"


async def rerun_if_limited(progress: Progress, run: WorkflowRun) -> bool:
    """Durable: wait, clean up, and run the failed jobs again; false where that is not to be, or was called off."""
    images = progress.operation.services.config.images
    if images is None or not may_rerun(progress, run, images.rerun):
        return False
    number = progress.reruns + 1
    if not await _waited(progress, run, images.rerun, number):
        return False
    why = f"rate limited; rerun {number} of {images.rerun.times}"
    causes = causes_of(progress, run, images.rerun)
    began = await rerun(progress, run, why=why)
    if began is None:
        return False
    progress.notes.append(f":repeat: {why}, begun {kit.moment(began)}; {causes}")
    return True


def may_rerun(progress: Progress, run: WorkflowRun, rules: Rerun) -> bool:
    """Whether every job that failed, failed for that; siblings that GitHub cancelled then count along."""
    failed = failed_jobs(run)
    if run.state is not State.FAILED or progress.cancelled_by or progress.reruns >= rules.times:
        return False
    return bool(failed) and all(job.job_id in progress.limited for job in failed)


def failed_jobs(run: WorkflowRun) -> Sequence[Job]:
    """The jobs that failed themselves."""
    return [job for job in run.jobs if job.state in FAILED]


def causes_of(progress: Progress, run: WorkflowRun, rules: Rerun) -> str:
    """Which jobs were refused for what (mrkdwn): the first few, and how many more."""
    failed = failed_jobs(run)
    told = [f"{_called(progress, job)}: {_cause(progress.limited[job.job_id], rules)}" for job in failed[:NAMED]]
    more = [f"and {len(failed) - NAMED} more"] if len(failed) > NAMED else []
    return ", ".join([*told, *more])


def _called(progress: Progress, job: Job) -> str:
    place = progress.place(job)
    return kit.escape(kit.cut(" ".join(place) if place else job.name, 60))


def _cause(line: str, rules: Rerun) -> str:
    return kit.code(next((word for word in rules.on if word in line), line))


async def rerun(progress: Progress, run: WorkflowRun, *, why: str) -> float | None:
    """Durable: let GitHub run the failed jobs of this attempt again, once; when that was (Unix seconds).

    None when GitHub does not, which is noted on the board; `why` is for the trail.
    """
    operation, services = progress.operation, progress.operation.services

    async def ask() -> float:
        await reruns.rerun_failed(services.github, progress.repository, run.run_id, attempt=run.attempt)
        await operation.annotate("rerun", run=str(run.run_id), attempt=str(run.attempt + 1), why=why)
        return services.clock()

    try:
        # It looks before it asks: after an interruption it is done in the same way.
        began = await operation.once(f"rerun {run.attempt}", do=ask, recover=ask)
    except RunnerError as error:
        remedy = f" {kit.escape(error.remedy)}" if error.remedy else ""
        progress.notes.append(f":x: The failed jobs could not be run again: {kit.escape(error.problem)}.{remedy}")
        return None
    progress.reruns += 1
    progress.next_attempt(run)
    return began


async def _waited(progress: Progress, run: WorkflowRun, rules: Rerun, number: int) -> bool:
    operation = progress.operation
    wait = rules.wait.total_seconds() * 2 ** (number - 1)
    at = await operation.step(f"when to rerun {run.attempt}", lambda: _in(progress, wait))
    news = f"rate limited; rerun {number} of {rules.times} begins {kit.moment(at)}; {causes_of(progress, run, rules)}"
    message = board.waiting_to_rerun(progress.board(run), news)
    await operation.show(f"wait for rerun {run.attempt}", message, Status.RUNNING, "waits to run failed jobs again")
    person = await operation.step(f"until rerun {run.attempt}", lambda: _until(progress, at))
    if person:
        progress.notes.append(f":octagonal_sign: Rerun {number} was called off by {kit.user(person)}.")
        return False
    cleaned = await delete_orphans(operation, run)
    progress.notes += [cleaned] if cleaned else []
    return True


async def _in(progress: Progress, seconds: float) -> float:
    return progress.operation.services.clock() + seconds


async def _until(progress: Progress, at: float) -> str:
    """Wait until then; who pressed Cancel, empty when nobody did."""
    services, number = progress.operation.services, progress.operation.number
    while True:
        person = await services.operations.cancel_requested(number)
        left = at - services.clock()
        if person or left <= 0:
            return person or ""
        await asyncio.sleep(min(LOOK_EVERY, left))
