"""Runs failed jobs again without a click when all of them failed because of a rate limit."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from bot.errors import ClosedError, NoLongerApprovedError
from bot.slack.blocks import kit
from bot.store.operations import Status
from handlers.build import matrix as matrix_views
from handlers.build.command import key_of
from handlers.build.orphaned_resources import delete_orphans
from handlers.shared.checkout import commit_of
from handlers.shared.ref_judgement import RefRules, judge
from runners import phrases
from runners.errors import RunnerError
from runners.github.runs import reruns
from runners.results import State

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.config import Rerun
    from handlers.build.followed_build import FollowedBuild
    from runners.results import Job, WorkflowRun

CANCEL_POLL = 1.0  # seconds
MOST_LIMITS = 3  # jobs whose rate limit the message names
FAILED = (State.FAILED, State.UNKNOWN)


def rerun_key(run_id: int, attempt: int) -> str:
    """The key of the request to run the failed jobs of this attempt again."""
    return f"rerun-{run_id}-{attempt}"


async def rerun_if_limited(build: FollowedBuild, run: WorkflowRun) -> bool:
    """Durable: wait, clean up, and run the failed jobs again; false where the rules forbid it, or a person cancelled it."""
    images = build.images
    if images is None or not may_rerun(build, run, images.rerun):
        return False
    number = build.reruns + 1
    if not await _wait_and_clean(build, run, images.rerun, number):
        return False
    why = f"rate limited; rerun {number} of {images.rerun.times}"
    limits = rate_limits_of(build, run, images.rerun)
    begun_at = await rerun(build, run, why=why)
    if begun_at is None:
        return False
    build.notices.append(f":repeat: {why}, begun {kit.moment(begun_at)}; {limits}")
    return True


def may_rerun(build: FollowedBuild, run: WorkflowRun, rules: Rerun) -> bool:
    """Whether all failed jobs hit a rate limit; jobs that GitHub cancelled for that reason do not count against it."""
    failed = failed_jobs(run)
    if run.state is not State.FAILED or build.cancelled_by or build.reruns >= rules.times:
        return False
    return bool(failed) and all(job.job_id in build.limited for job in failed)


def failed_jobs(run: WorkflowRun) -> Sequence[Job]:
    """The jobs that failed, without those that GitHub cancelled because of them."""
    return [job for job in run.jobs if job.state in FAILED]


def rate_limits_of(build: FollowedBuild, run: WorkflowRun, rules: Rerun) -> str:
    """The rate limits that the failed jobs hit (mrkdwn): those of the first jobs, and how many jobs more."""
    failed = failed_jobs(run)
    named = [f"{_label(build, job)}: {_limit(build.limited[job.job_id], rules)}" for job in failed[:MOST_LIMITS]]
    more = phrases.rest(len(failed) - MOST_LIMITS)
    return ", ".join([*named, *more])


def _label(build: FollowedBuild, job: Job) -> str:
    slot = build.slot(job)
    return kit.escape(kit.cut(" ".join(slot) if slot else job.name, 60))


def _limit(line: str, rules: Rerun) -> str:
    return kit.code(next((pattern for pattern in rules.on if pattern in line), line))


async def rerun(build: FollowedBuild, run: WorkflowRun, *, why: str) -> float | None:
    """Durable: have GitHub run the failed jobs of this attempt again, once; when that was (Unix seconds).

    None when GitHub refuses, `images.refs` does not allow the run's code, or its requester no longer may: a notice says which. `why` is
    for the audit log.
    """
    operation, services = build.operation, build.operation.services

    async def rerun_failed() -> float:
        await _check_code_allowed(build, run)
        await operation.check_authorized(f"rerun {run.attempt}")
        await reruns.rerun_failed(services.github, build.repository, run.run_id, attempt=run.attempt)
        await operation.annotate("rerun", run=str(run.run_id), attempt=str(run.attempt + 1), why=why)
        return services.clock()

    try:
        # `rerun_failed` reads the state first, so it can run again after an interruption.
        begun_at = await operation.once(f"rerun {run.attempt}", do=rerun_failed, recover=rerun_failed)
    except RunnerError as error:
        remedy = f" {kit.escape(error.remedy)}" if error.remedy else ""
        build.notices.append(f":x: The failed jobs could not be run again: {kit.escape(error.problem)}.{remedy}")
        return None
    except (ClosedError, NoLongerApprovedError) as refused:
        build.notices.append(f":x: The failed jobs were not run again: {kit.escape(str(refused))}")
        return None
    build.reruns += 1
    build.next_attempt(run)
    return begun_at


async def _check_code_allowed(build: FollowedBuild, run: WorkflowRun) -> None:
    """Within a step. Raises RunnerError for a run that somebody started on GitHub at a ref that is not allowed.

    What Signalbox started itself was allowed or approved, and runs again at the same commit.
    """
    operation = build.operation
    images = build.images
    if images is None or await operation.services.run_claims.started_here(run.run_id):
        return
    commit = await commit_of(operation, run.head_sha)
    standing = await judge(operation, commit, RefRules(images.refs, images.ref, key_of(build.name, "refs")))
    if not standing.allowed:
        raise RunnerError(
            f"running the failed jobs of run {run.run_id} again",
            f"the run was started on GitHub at {commit.short}, and {standing.why}",
            remedy="Start a build of its branch with /build: it asks for an approval.",
        )


async def _wait_and_clean(build: FollowedBuild, run: WorkflowRun, rules: Rerun, number: int) -> bool:
    operation = build.operation
    wait = rules.wait.total_seconds() * 2 ** (number - 1)
    at = await operation.step(f"when to rerun {run.attempt}", lambda: _due_in(build, wait))
    news = f"rate limited; rerun {number} of {rules.times} begins {kit.moment(at)}; {rate_limits_of(build, run, rules)}"
    message = matrix_views.waiting_to_rerun(build.matrix(run), news)
    await operation.show(f"wait for rerun {run.attempt}", message, Status.RUNNING, "waits to run failed jobs again")
    person = await operation.step(f"until rerun {run.attempt}", lambda: _wait_until(build, at))
    if person:
        build.notices.append(f":octagonal_sign: Rerun {number} was called off by {kit.user(person)}.")
        return False
    cleaned = await delete_orphans(operation, run)
    build.notices += [cleaned] if cleaned else []
    return True


async def _due_in(build: FollowedBuild, seconds: float) -> float:
    return build.operation.services.clock() + seconds


async def _wait_until(build: FollowedBuild, at: float) -> str:
    """Wait until `at` (Unix seconds); the user who pressed Cancel meanwhile, or empty."""
    services, number = build.operation.services, build.operation.number
    while True:
        person = await services.operations.cancel_requested(number)
        remaining = at - services.clock()
        if person or remaining <= 0:
            return person or ""
        await asyncio.sleep(min(CANCEL_POLL, remaining))
