"""Follows a run to its end: reads logs as jobs end, runs failed jobs again where that helps, passes Cancel on to GitHub."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.slack.blocks import kit
from bot.store.operations import Status
from handlers.build import matrix as matrix_views
from handlers.build.automatic_reruns import rerun_if_limited
from handlers.build.final_message import record_final_state
from handlers.build.follower import Action, Follower
from handlers.build.job_logs import process_log
from handlers.build.orphaned_resources import orphaned_builders
from handlers.build.recovered_jobs import update_failure_messages
from handlers.shared.dispatch import run_ended
from handlers.shared.github_outage import outage_notice
from handlers.shared.log_judgement import NO_FINDINGS, record_judgement
from handlers.shared.run_stop import FORCE_AFTER
from runners import phrases
from runners.errors import RunnerError
from runners.github.runs import reruns
from runners.results import State

if TYPE_CHECKING:
    from bot.services import Services
    from handlers.build.followed_build import FollowedBuild
    from handlers.build.follower import NextAction
    from runners.results import WorkflowRun

STATUSES = {State.SUCCEEDED: Status.SUCCEEDED, State.CANCELLED: Status.CANCELLED}


async def follow_run(build: FollowedBuild) -> None:
    """Durable: display the run until its last attempt has ended, and end the operation with it."""
    while True:
        try:
            run = await _follow_attempt(build)
        except RunnerError as error:
            await _end_lost(build, error)
            return
        if not await rerun_if_limited(build, run):
            break
    await conclude(build, run)


async def _follow_attempt(build: FollowedBuild) -> WorkflowRun:
    operation = build.operation
    async with Follower(build) as follower:
        while True:
            upcoming = await operation.step(f"next in attempt {build.attempt}", follower.next)
            if upcoming.action is Action.END:
                return await _record_end(build, upcoming.run)
            if upcoming.action is Action.READ and upcoming.job:
                await process_log(build, upcoming.run, upcoming.job)
            else:
                await _cancel(build, upcoming)
            follower.update()


async def _record_end(build: FollowedBuild, run: WorkflowRun) -> WorkflowRun:
    await build.operation.step(f"attempt {build.attempt} ended", lambda: run_ended(build.operation, run))
    return run


async def _end_lost(build: FollowedBuild, error: RunnerError) -> None:
    """End the operation although the end of the run is unknown: the message retains the run's last state."""
    if build.newest is None:
        await build.operation.fail(error)
        return
    redact = build.operation.services.redact
    message = matrix_views.lost(build.matrix(build.newest), redact(error.problem))
    await build.operation.end(Status.FAILED, message, outcome="lost sight of")


async def _cancel(build: FollowedBuild, upcoming: NextAction) -> None:
    """Cancel the run on GitHub; by force when its jobs have not ended some time after the first cancel."""
    operation, services = build.operation, build.operation.services
    force = upcoming.action is Action.FORCE

    async def cancel() -> float:
        await reruns.cancel(services.github, build.repository, build.run_id, force=force)
        return services.clock()

    if force:
        build.forced = True
    else:
        build.cancelled_by, build.cancelled_at = upcoming.person, float("inf")
    try:
        name = f"{'force' if force else 'stop'} {build.attempt}"
        # `cancel` reads the state first, so it can run again after an interruption.
        at = await operation.once(name, do=cancel, recover=cancel)
    except RunnerError as error:
        build.notices.append(f":x: The run could not be cancelled: {kit.escape(error.problem)}. Cancel it on GitHub.")
        return
    if force:
        late = phrases.duration(FORCE_AFTER)
        build.notices.append(f"It had not ended {late} after that, so GitHub was told to end it by force.")
    else:
        build.cancelled_at = at


async def conclude(build: FollowedBuild, run: WorkflowRun) -> None:
    """Durable: display the outcome, what the run left in EC2, and the environments that can be planned now."""
    operation, services = build.operation, build.operation.services
    orphans = await operation.step("orphaned builders", lambda: _orphaned_builders(services, run))
    outage = await outage_notice(operation)
    build.notices += [notice for notice in (outage, orphans) if notice]
    matrix = build.matrix(run)
    cancelled = f"cancelled by {kit.user(build.cancelled_by)}" if build.cancelled_by else ""
    judged = NO_FINDINGS
    if await services.engine.patched("weak findings") and build.weak:
        judged = await record_judgement(operation, build.weak)
    message = await record_final_state(operation, matrix, cancelled, judged)
    outcome = "suspect" if run.state is State.SUCCEEDED and matrix.suspects else ""
    await operation.end(STATUSES.get(run.state, Status.FAILED), message, outcome=outcome)
    await update_failure_messages(build, run)


async def _orphaned_builders(services: Services, run: WorkflowRun) -> str:
    try:
        return await orphaned_builders(services, run)
    except RunnerError as error:
        problem = kit.escape(services.redact(error.problem))
        return f":warning: What the build left in EC2 could not be looked at: {problem}."
