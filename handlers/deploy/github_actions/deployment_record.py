"""GitHub's own record of a deploy: a deployment of the environment and its states. Its errors do not stop a deploy."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.slack.blocks import kit
from runners.errors import RunnerError, UncertainError
from runners.github import deployments
from runners.github.deployments import DeploymentRequest
from runners.results import State
from runners.stored import stored

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from bot.operations.operation import Operation
    from runners.results import Commit, WorkflowRun

log = logging.getLogger(__name__)
PRODUCTION = ("prod", "production", "live")
REMEDY = "Give the token or App the permission Deployments: read and write, or set `record: false`."


@stored("github-deployment")
@dataclass(frozen=True, slots=True)
class DeploymentRecord:
    """The deployment's number on GitHub; None where it is not recorded, with a `warning` (mrkdwn) after an error."""

    repository: str
    number: int | None
    warning: str = ""


async def begin(operation: Operation, commit: Commit, *, enabled: bool) -> DeploymentRecord:
    """Durable: record on GitHub that the commit is about to be deployed, exactly once; nothing unless `enabled`."""
    if not enabled:
        return DeploymentRecord(commit.repository, None)
    deployment = _deployment(operation, commit)
    github = operation.services.github
    return await operation.once(
        "record on GitHub",
        do=lambda: _create(operation, deployment, lambda: deployments.create(github, deployment)),
        recover=lambda: _create(operation, deployment, lambda: deployments.create_once(github, deployment)),
    )


def _deployment(operation: Operation, commit: Commit) -> DeploymentRequest:
    return DeploymentRequest(
        repository=commit.repository,
        sha=commit.sha,
        environment=operation.environment.name,
        description=f"Signalbox #{operation.number}: {operation.record.title}",
        production=operation.environment.name.casefold().startswith(PRODUCTION),
        # The time distinguishes it from an operation of the same number in an older database.
        marker={"operation": operation.number, "asked_at": int(operation.record.created_at)},
    )


async def _create(
    operation: Operation, deployment: DeploymentRequest, create: Callable[[], Coroutine[None, None, int]]
) -> DeploymentRecord:
    github = operation.services.github
    try:
        try:
            number = await create()
        except UncertainError:
            number = await deployments.create_once(github, deployment)
    except RunnerError as error:
        warning = await _warn(operation, error)
        return DeploymentRecord(deployment.repository, None, warning)
    await operation.annotate("recorded on GitHub", deployment=str(number), environment=deployment.environment)
    return DeploymentRecord(deployment.repository, number)


async def set_state(
    operation: Operation, record: DeploymentRecord, state: str, *, log_url: str = "", why: str = ""
) -> None:
    """Durable: set the deployment's state (GitHub's names: in_progress, success, failure, error), once."""
    if record.number is None:
        return
    github, repository, number = operation.services.github, record.repository, record.number

    async def post() -> None:
        try:
            await deployments.set_state(github, repository, number, state, log_url=log_url, description=why)
        except RunnerError as error:
            await _warn(operation, error)

    async def post_if_missing() -> None:
        try:
            posted = state in await deployments.states(github, repository, number)
        except RunnerError as error:
            await _warn(operation, error)
            return
        if not posted:
            await post()

    await operation.once(f"GitHub: {state}", do=post, recover=post_if_missing)


async def set_later_state(operation: Operation, commit: Commit, run: WorkflowRun) -> None:
    """Set the state of the operation's deployment after another attempt of its run; nothing where none is recorded."""
    github, state = operation.services.github, "success" if run.state is State.SUCCEEDED else "failure"
    try:
        number = await deployments.find(github, _deployment(operation, commit))
        if number is not None and (await deployments.states(github, commit.repository, number))[:1] != (state,):
            why = f"Attempt {run.attempt} {run.state.value}"
            await deployments.set_state(github, commit.repository, number, state, log_url=run.url, description=why)
    except RunnerError as error:
        await _warn(operation, error)


async def _warn(operation: Operation, error: RunnerError) -> str:
    """Within a step: log and annotate the error; the warning for the message (mrkdwn)."""
    problem = operation.services.redact(error.problem)
    log.warning("operation %s: %s: %s", operation.number, error.doing, problem)
    await operation.annotate("not recorded on GitHub", why=problem[:200])
    return f":warning: GitHub has no record of this deploy: {kit.escape(problem)}. {kit.escape(REMEDY)}"
