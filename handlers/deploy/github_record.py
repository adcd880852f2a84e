"""GitHub's own record of a deploy: a deployment of the environment, and how it went. It never keeps a deploy from going on."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.slack.blocks import kit
from runners.errors import RunnerError, UncertainError
from runners.github import deployments
from runners.github.deployments import Deployed

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from bot.operations.operation import Operation
    from runners.results import Commit

log = logging.getLogger(__name__)
PRODUCTION = ("prod", "production", "live")
REMEDY = "Give the token or App the permission Deployments: read and write, or set `record: false`."


@dataclass(frozen=True, slots=True)
class Recorded:
    """The deployment's number on GitHub; None where it is not recorded, and `warning` (escaped) says why not."""

    repository: str
    number: int | None
    warning: str = ""


async def begin(operation: Operation, commit: Commit) -> Recorded:
    """Durable: record on GitHub that the commit is about to be deployed, exactly once."""
    actions = operation.environment.deploy.github_actions
    if actions is None or not actions.record:
        return Recorded(commit.repository, None)
    wanted = _deployment(operation, commit)
    github = operation.services.github
    return await operation.once(
        "record on GitHub",
        do=lambda: _recorded(operation, wanted, lambda: deployments.create(github, wanted)),
        recover=lambda: _recorded(operation, wanted, lambda: deployments.create_once(github, wanted)),
    )


def _deployment(operation: Operation, commit: Commit) -> Deployed:
    record = operation.record
    return Deployed(
        repository=commit.repository,
        sha=commit.sha,
        environment=operation.environment.name,
        description=f"Signalbox #{operation.number}: {record.title}",
        production=operation.environment.name.startswith(PRODUCTION),
        # The time tells it from an operation of the same number after the database was made anew.
        mark={"operation": operation.number, "asked_at": int(record.created_at)},
    )


async def _recorded(
    operation: Operation, wanted: Deployed, create: Callable[[], Coroutine[None, None, int]]
) -> Recorded:
    github = operation.services.github
    try:
        try:
            number = await create()
        except UncertainError:
            number = await deployments.create_once(github, wanted)
    except RunnerError as error:
        warning = await _warn(operation, error)
        return Recorded(wanted.repository, None, warning)
    await operation.annotate("recorded on GitHub", deployment=str(number), environment=wanted.environment)
    return Recorded(wanted.repository, number)


async def say(operation: Operation, recorded: Recorded, state: str, *, log_url: str = "", why: str = "") -> None:
    """Durable: tell GitHub how it stands (its own words: in_progress, success, failure, error), once."""
    if recorded.number is None:
        return
    github, repository, number = operation.services.github, recorded.repository, recorded.number

    async def post() -> None:
        try:
            await deployments.say(github, repository, number, state, log_url=log_url, description=why)
        except RunnerError as error:
            await _warn(operation, error)

    async def look() -> None:
        try:
            known = state in await deployments.said(github, repository, number)
        except RunnerError as error:
            await _warn(operation, error)
            return
        if not known:
            await post()

    await operation.once(f"GitHub: {state}", do=post, recover=look)


async def _warn(operation: Operation, error: RunnerError) -> str:
    problem = operation.services.redact(error.problem)
    log.warning("operation %s: %s: %s", operation.number, error.doing, problem)
    await operation.annotate("not recorded on GitHub", why=problem[:200])
    return f":warning: GitHub has no record of this deploy: {kit.escape(problem)}. {kit.escape(REMEDY)}"
