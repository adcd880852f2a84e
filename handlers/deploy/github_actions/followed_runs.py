"""Operations for runs of a deploy workflow that nobody requested here: a schedule's, a person's in GitHub, a push's."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from bot.access import policy
from bot.config import GitHubActions
from bot.operations.periodic import REQUESTER
from bot.operations.registry import Kind, RunListener, WorkflowOf
from bot.operations.requests import OperationRequest, request_of
from bot.slack.blocks import kit
from bot.slack.blocks.common import short_message
from bot.store.operations import Status
from handlers.deploy import release as releases
from handlers.deploy.github_actions import rollout, views
from handlers.deploy.github_actions.under_way import deploys
from handlers.shared import run_follow
from handlers.shared.run_follow import FollowedRun
from runners.results import State

if TYPE_CHECKING:
    from bot.config import Config
    from bot.operations.operation import Operation
    from bot.services import Services
    from handlers.deploy.views import Release
    from runners.results import WorkflowRun

FOLLOW = "follow-deploy"
# Seconds in which a run of our own account may be that of a request whose answer was lost (handlers/shared/run_choice.py).
UNCLEAR_FOR = 6 * 3_600.0


def workflows(config: Config) -> tuple[WorkflowOf, ...]:
    """The deploy workflows whose runs are followed: those that deploy to exactly one environment or service."""
    deployed = _deployed(config)
    uses = Counter(workflow.key for workflow, _, __ in deployed)
    builds = {WorkflowOf(config.github.repository, images.workflow).key for images in config.builds.values()}
    return tuple(
        workflow
        for workflow, _, actions in deployed
        if actions.follow_runs_by_hand and uses[workflow.key] == 1 and workflow.key not in builds
    )


def _deployed(config: Config) -> list[tuple[WorkflowOf, str, GitHubActions]]:
    """What deploys through GitHub Actions: its workflow, its name and its settings."""
    return [
        (WorkflowOf(config.repository_of(config.environments[name]), actions.workflow), name, actions)
        for name, actions in config.deployed_by(GitHubActions).items()
    ]


async def follow_started(services: Services, run: WorkflowRun) -> None:
    """Begin an operation that follows a run which deploys to an environment; it has a queue of its own."""
    of_run = WorkflowOf(run.repository, run.file).key
    workflow, name, actions = next(each for each in _deployed(services.config) if each[0].key == of_run)
    key = f"run-{run.run_id}"
    if (
        not deploys(run, actions)
        or await services.operations.started_by(key)
        or await _may_be_ours(services, run, workflow.repository)
    ):
        return
    target = policy.target_of(services.config, name)
    arguments = {"run": str(run.run_id), "sha": run.head_sha, "ref": run.branch, "by": _started(run)}
    lane = f"run {run.run_id}"
    request = OperationRequest(FOLLOW, f"Deploy to {name}, run {run.number}", REQUESTER, key, target, arguments, lane)
    await services.engine.begin(request_of(request, await services.chat.channel_id(target.channel)))


async def _may_be_ours(services: Services, run: WorkflowRun, repository: str) -> bool:
    """Whether an operation may still be asking people if this run is its own."""
    if run.actor != await services.github.login(repository):
        return False
    since = services.clock() - UNCLEAR_FOR
    return await services.run_claims.rivals(0, f"{repository} {run.file} {run.branch}", since) > 0


def _started(run: WorkflowRun) -> str:
    if run.event == "schedule":
        return "started in GitHub by its schedule"
    how = "by a push" if run.event == "push" else "in GitHub"
    return f"started {how} by {run.actor}" if run.actor else f"started {how}"


async def follow_existing(operation: Operation) -> None:
    """Durable: follow a run that nobody requested here to its end, and record what the environment runs then."""
    arguments = operation.record.arguments
    run_id = int(arguments["run"])
    if not await operation.step("claim", lambda: operation.services.run_claims.claim(operation.number, run_id)):
        claimed = short_message(operation.head, "superseded", "another operation follows this run")
        await operation.end(Status.SUPERSEDED, claimed, timed=False)
        return
    doing = short_message(operation.head, "running", f"{kit.escape(arguments['by'])}; reading how it stands")
    await operation.show("looking", doing, Status.RUNNING)
    release = await operation.step("release", lambda: _release(operation))
    followed = FollowedRun.of(
        await operation.step("follow the run", lambda: rollout.follow(operation, release, None, run_id))
    )
    run = followed.run
    if run.state is State.SKIPPED:
        skipped = short_message(operation.head, "cancelled", "its jobs were skipped, so it deployed nothing")
        await operation.end(Status.CANCELLED, skipped)
        return
    if note := await operation.step("record", lambda: _record(operation, release, run)):
        release = replace(release, notices=(*release.notices, note))
    if run.state is State.SUCCEEDED:
        await rollout.end_succeeded(operation, release, None, run)
        return
    cause = "" if followed.cancelled_by else await run_follow.post_logs(operation, run)
    message = views.run_ended(operation.head, release, None, run, followed=followed, cause=cause)
    await operation.end(Status.CANCELLED if followed.cancelled_by else Status.FAILED, message)


async def _release(operation: Operation) -> Release:
    arguments, environment = operation.record.arguments, operation.environment
    title = f"GitHub Actions {rollout.settings_of(environment).workflow}"
    release = await releases.release_of(operation, arguments["sha"], title)
    started = f":information_source: Nobody requested it here: it was {kit.escape(arguments['by'])}"
    commit = replace(release.commit, ref=arguments["ref"] or release.commit.ref)
    return replace(release, commit=commit, notices=(started, *release.notices))


async def _record(operation: Operation, release: Release, run: WorkflowRun) -> str:
    """Within a step: record what the run deployed, unless a later deploy has ended since; then a notice (mrkdwn)."""
    current = await operation.services.deployments.current(operation.environment.name)
    if current and run.ended_at and current.at > run.ended_at.timestamp() and current.operation != operation.number:
        return f":information_source: {kit.code(current.sha[:7])} was deployed after this run, so nothing is recorded"
    if run.state is State.SUCCEEDED:
        await releases.record_deployed(operation, release.commit)
    else:
        await rollout.record_machines(operation, release, run)
    return ""


RUN_LISTENERS = (RunListener(workflows, follow_started),)
KINDS = (Kind(FOLLOW, follow_existing, "deployed"),)
