"""A deploy by a GitHub Actions workflow: dispatched once, followed to its end, recorded."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from bot.errors import UserError
from bot.slack.blocks import kit
from bot.slack.blocks.common import FailureContext
from bot.slack.blocks.jobs import machines_done
from bot.store.operations import Status
from handlers.deploy import release as releases
from handlers.deploy.arguments import command_text
from handlers.deploy.github_actions import deployment_record, under_way, views
from handlers.deploy.github_actions.later_attempts import FAILED_ATTEMPT
from handlers.deploy.inputs import check_unchanged
from handlers.shared import run_follow
from handlers.shared.dispatch import Dispatch, dispatch_once, run_url
from handlers.shared.github_outage import outage_notice
from handlers.shared.log_judgement import judge_run
from handlers.shared.run_follow import FollowedRun
from runners.errors import RunnerError
from runners.results import State

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.config import Environment, GitHubActions
    from bot.operations.operation import Operation
    from bot.slack.blocks.common import ApprovalView
    from bot.slack.blocks.kit import Message
    from handlers.deploy.github_actions.deployment_record import DeploymentRecord
    from handlers.deploy.views import Release
    from runners.results import PendingReview, WorkflowRun

# GitHub's names for the end of a deployment; "error" for all other states.
_DEPLOYMENT_STATES = {State.SUCCEEDED: "success", State.FAILED: "failure"}


def settings_of(environment: Environment) -> GitHubActions:
    """The environment's section `github_actions`. Raises UserError when it has none."""
    actions = environment.deploy.github_actions if environment.deploy else None
    if actions is None:
        raise UserError(f"{environment.name} no longer deploys through GitHub Actions.")
    return actions


async def roll_out(operation: Operation, release: Release, approval: ApprovalView | None) -> None:
    """Durable: dispatch the workflow at the approved commit, follow its jobs, record what runs now."""
    await check_unchanged(operation, release)
    if await operation.services.engine.patched("deploys under way"):
        settings = settings_of(operation.environment)
        if not await under_way.waited_for(operation, settings, release, approval):
            return
    run_id = await dispatch_once(operation, _dispatch_of(operation, release))
    operation.failure_context = FailureContext(
        commit=release.commit, approval=approval, done=operation.failure_context.done
    )
    enabled = settings_of(operation.environment).record
    record = await deployment_record.begin(operation, release.commit, enabled=enabled)
    if record.warning:
        release = replace(release, notices=(*release.notices, record.warning))
    url = run_url(release.commit, run_id)
    await deployment_record.set_state(operation, record, "in_progress", log_url=url)
    try:
        limit = operation.services.config.operations.deploy_timeout.total_seconds()
        followed = FollowedRun.of(
            await operation.step("follow the run", lambda: follow(operation, release, approval, run_id, limit=limit))
        )
    except RunnerError as error:
        why = f"Lost sight of it: {error.problem}"
        await deployment_record.set_state(operation, record, "error", log_url=url, why=why)
        raise
    if outage := await outage_notice(operation):
        release = replace(release, notices=(*release.notices, outage))
    await _end(operation, release, approval, followed)
    await _end_record(operation, record, release, followed.run)


async def _end(operation: Operation, release: Release, approval: ApprovalView | None, followed: FollowedRun) -> None:
    run = followed.run
    warning = _wrong_commit(release, run)
    if run.state is State.SUCCEEDED:
        if not warning:
            await operation.step("record", lambda: releases.record_deployed(operation, release.commit))
        if warning:
            message = views.run_ended(operation.head, release, approval, run, warning=warning)
            await operation.end(Status.FAILED, message)
            return
        await end_succeeded(operation, release, approval, run)
        return
    if not warning:
        await operation.step("record machines", lambda: record_machines(operation, release, run))
    cause = "" if followed.cancelled_by else await run_follow.post_logs(operation, run)
    message = views.run_ended(operation.head, release, approval, run, warning=warning, followed=followed, cause=cause)
    await operation.end(Status.CANCELLED if followed.cancelled_by else Status.FAILED, message)


async def end_succeeded(
    operation: Operation, release: Release, approval: ApprovalView | None, run: WorkflowRun
) -> None:
    """Durable: end a deploy whose run succeeded; what its logs say against it is in the message, and changes no record."""
    judged = await judge_run(operation, run)
    message = views.run_ended(operation.head, release, approval, run, judged=judged)
    await operation.end(Status.SUCCEEDED, message, outcome="suspect" if judged.suspects else "")


async def record_machines(operation: Operation, release: Release, run: WorkflowRun) -> None:
    """Within a step: record the commit for the machines whose jobs succeeded although the run failed.

    The attempt is noted, since somebody may run it again in GitHub.
    """
    machines = machines_done(run.jobs, release.roles)
    await operation.services.annotations.add(operation.number, FAILED_ATTEMPT, f"{run.attempt} {run.head_sha}")
    await operation.services.machine_commits.set_roles(operation.record, release.commit, machines)


async def _end_record(operation: Operation, record: DeploymentRecord, release: Release, run: WorkflowRun) -> None:
    wrong_commit = run.head_sha != release.commit.sha
    state = "failure" if wrong_commit else _DEPLOYMENT_STATES.get(run.state, "error")
    why = f"The run was of {run.head_sha[:7]}" if wrong_commit else f"The run {run.state.value}"
    await deployment_record.set_state(operation, record, state, log_url=run.url, why=why)


def _dispatch_of(operation: Operation, release: Release) -> Dispatch:
    actions = settings_of(operation.environment)
    command = command_text(operation.environment, release.commit.ref, given=release.given)
    return Dispatch(
        operation.repository,
        actions.workflow,
        release.commit,
        command="/deploy",
        inputs=release.inputs,
        moved_on=f"so nothing was deployed. Run {command} again to see and deploy the newer commit.",
        mark_input=actions.mark_input or "",
    )


async def follow(
    operation: Operation, release: Release, approval: ApprovalView | None, run_id: int, *, limit: float | None = None
) -> FollowedRun:
    """Within a step: display the run until it ends. Raises RunnerError when GitHub reports nothing about it."""

    def render(run: WorkflowRun, now: float, pending: Sequence[PendingReview]) -> Message:
        return views.run_progress(operation.head, release, approval, run, now, pending=pending)

    return await run_follow.follow(operation, run_id, "is deploying", render, limit=limit)


def _wrong_commit(release: Release, run: WorkflowRun) -> str:
    """A warning (mrkdwn) where the run was not of the approved commit; else empty."""
    if run.head_sha == release.commit.sha:
        return ""
    return (
        f"GitHub ran commit {kit.code(run.head_sha[:7])}, not the approved {kit.code(release.commit.short)}: "
        f"{kit.code(release.commit.ref)} moved in the same moment. Look at what is deployed before you go on."
    )
