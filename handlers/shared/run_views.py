"""A run of a GitHub Actions workflow: its link, how it failed, and the logs of its jobs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.slack.blocks import kit
from runners import phrases
from runners.results import State

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.slack.blocks.kit import Block, Message
    from runners.results import Job, WorkflowRun

JOBS_NAMED = 6  # in a sentence


def failing_jobs(run: WorkflowRun) -> Sequence[Job]:
    """The jobs that made the run fail: GitHub cancels the others of a matrix, whose logs explain nothing."""
    return [job for job in run.failed_jobs if job.state is not State.CANCELLED] or run.failed_jobs


def job_log(job: Job, tail: str) -> Message:
    """The end of a failing job's log, for the thread."""
    step = f" at step {kit.code(job.failing_step)}" if job.failing_step else ""
    line = f":x: {kit.link(job.name, job.url)} {job.state.value}{step}"
    log = kit.preformatted(tail) if tail.strip() else "_GitHub has no log for this job (yet); the link leads to it._"
    return kit.message(f"{kit.escape(job.name)} {job.state.value}", [kit.section(line), kit.section(log)])


def failure(run: WorkflowRun) -> str:
    """How a run that did not succeed ended, with its failing jobs (mrkdwn)."""
    ended = {State.FAILED: "failed", State.CANCELLED: "was cancelled"}.get(run.state, f"ended as {run.state.value}")
    jobs = failing_jobs(run)
    if not jobs:
        return f"the run {ended} before any of its jobs did"
    names = phrases.listed([kit.escape(job.name) for job in jobs], JOBS_NAMED)
    return f"the run {ended}: {names}. What the logs say at their end is in the thread"


def stopped(run: WorkflowRun, cancelled_by: str, limit: float) -> str:
    """How far a run came that Signalbox had GitHub cancel: by a person (user id), or after a limit in seconds (mrkdwn)."""
    why = f"cancelled by {kit.user(cancelled_by)}" if cancelled_by else f"not done within {phrases.duration(limit)}"
    done = [kit.escape(job.name) for job in run.jobs if job.state is State.SUCCEEDED]
    of = f"{len(done)} of {phrases.counted(len(run.jobs), 'job')}"
    which = f" ({phrases.listed(done, JOBS_NAMED)})" if done else ""
    return f"{why}, and GitHub ended the run: {of} {phrases.plural(len(done), 'was', 'were')} done{which}"


def run_line(run: WorkflowRun) -> Block:
    """The link to the run, in small print."""
    attempt = f", attempt {run.attempt}" if run.attempt > 1 else ""
    return kit.context(f"{kit.link(f'{run.workflow}, run {run.number}', run.url)}{attempt}")


def took(run: WorkflowRun) -> str:
    """How long the run took, for the end of a sentence."""
    return f" in {phrases.duration((run.ended_at - run.created_at).total_seconds())}" if run.ended_at else ""
