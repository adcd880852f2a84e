"""/rollback: deploys what an environment ran before, by the record of its deploys.

It is a deploy in all else, with the same checks and approvals. Only the order of environments does not apply: what ran
there once may run there again, whatever the environment before it runs now.
"""

from __future__ import annotations

import logging
import re
from dataclasses import replace
from typing import TYPE_CHECKING

from bot.access import arguments as typed_arguments, parts
from bot.config.values import PART
from bot.errors import UserError
from bot.operations import requests
from bot.operations.registry import Command, Invocation
from bot.slack.blocks import kit
from handlers.deploy import image_rollback
from handlers.deploy.arguments import SHORT_SHA
from handlers.shared.requests import deploy_of, deploy_request
from runners import phrases
from runners.errors import NotFoundError, RunnerError
from runners.github import ref_facts
from runners.github.api.reads import CachedReads

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.config import Environment
    from bot.operations.operation import Operation
    from bot.operations.requests import OperationRequest
    from bot.services import Services
    from bot.slack.blocks.kit import Message
    from bot.store.deployments import Deployment
    from bot.store.operations import Record
    from runners.results import Commit

log = logging.getLogger(__name__)
USAGE = "/rollback <environment> [service] [to] [number of a deploy, or commit] | images [role ...]"
# An argument of the operation: the number of the deploy whose commit is deployed again.
BACK = "rollback"
MOST_WORDS = 12
_NUMBER = re.compile(r"(?<!\S)#(?=\d)")  # before the number of a deploy
LISTED = 5  # commits that a refusal names, and files


async def handle(services: Services, invocation: Invocation) -> Message | None:
    """Begin the deploy of what ran before, or of the deploy or commit that is named; or a plan with the images before."""
    text = _NUMBER.sub("", invocation.text)
    config = await requests.visible_to(services, invocation.user, "/rollback", text)
    words = typed_arguments.split(text, USAGE, most=MOST_WORDS, refs=True)
    if not words:
        raise UserError(f"Name the environment. Usage: {USAGE}")
    if (
        image_rollback.WORD in words[1:]
        and f"{words[0]}{PART}{image_rollback.WORD}" not in services.config.environments
    ):
        return await image_rollback.typed(services, invocation, words)
    chosen = parts.choose(config, words, parts.SERVICES, USAGE)
    environment, *others = chosen.parts
    if others:
        environment = parts.choose_one(config, chosen.environment.name, parts.SERVICES, USAGE)
    named = _named(chosen.rest)
    await requests.check_may_use(services, invocation.user, "/deploy", target=environment)  # a rollback is a deploy
    to = await _chosen(services, environment, named)
    await requests.start(services, request_to(environment, to, invocation.user, invocation.key))
    return None


def _named(rest: Sequence[str]) -> str:
    """The deploy or commit that the words name; "" for none."""
    words = rest[1:] if rest and rest[0] == "to" else rest
    if len(words) > 1 or (rest and not words):
        raise UserError(f"Name one deploy (#12) or one commit to go back to. Usage: {USAGE}")
    return words[0] if words else ""


def request_to(environment: Environment, to: Deployment, user: str, key: str) -> OperationRequest:
    """The deploy of what an earlier deploy deployed."""
    request = deploy_request(environment, to.sha, user, key)
    title = f"Roll back {environment.name} to {to.sha[:SHORT_SHA]}"
    return replace(request, title=title, arguments={**request.arguments, BACK: str(to.operation)})


async def _chosen(services: Services, environment: Environment, named: str) -> Deployment:
    """The deploy to go back to. Raises UserError where there is none, or the record has none of that name."""
    newest = await services.deployments.newest(environment.name)
    if not newest:
        raise UserError(f"Signalbox has not deployed to {environment.name} yet, so there is nothing to go back to.")
    current = newest[0]
    if named:
        return _by_name(environment, newest, named)
    if await running(services, environment, current) != current.sha:
        return current  # a later deploy changed some machines and failed
    last = await services.operations.get(current.operation)
    # After a rollback the next one goes further back, and not to what was left.
    before = int(last.arguments.get(BACK) or current.operation)
    for each in newest:
        if each.operation < before and each.sha != current.sha:
            return each
    raise UserError(
        f"Signalbox has deployed nothing to {environment.name} before {current.sha[:SHORT_SHA]}, so there is nothing to go "
        f"back to. Deploy a branch, tag or commit by name: /deploy {environment.words} <branch, tag or commit>"
    )


async def running(services: Services, environment: Environment, current: Deployment) -> str:
    """The commit that runs: that of a later deploy, which changed only some machines, else that of the last good one."""
    rows = await services.machine_commits.in_environment(environment.name)
    later = [row for row in rows if row.operation > current.operation and row.machine in environment.machines]
    return max(later, key=lambda row: row.operation).sha if later else current.sha


async def before(services: Services, environment: Environment, record: Record) -> tuple[Deployment, Deployment]:
    """What was deployed last, and what ran before the deploy of this record. Raises UserError where another one followed."""
    newest = await services.deployments.newest(environment.name)
    if not newest:
        raise UserError(f"Signalbox has not deployed to {environment.name} yet, so there is nothing to go back to.")
    current = newest[0]
    if current.operation > record.number:
        raise UserError(
            f"#{current.operation} was deployed to {environment.name} after #{record.number}. Nothing was started. Use the button "
            f"of #{current.operation}, or type /rollback {environment.words} to <number of a deploy, or commit>"
        )
    # A deploy that failed is not on record: what ran before it is the last one that succeeded.
    return current, current if current.operation < record.number else await _chosen(services, environment, "")


def _by_name(environment: Environment, newest: Sequence[Deployment], named: str) -> Deployment:
    for each in newest:
        # A number is that of a deploy where there is one; a commit may consist of digits alone.
        if str(each.operation) == named:
            return each
    matching = {each.sha: each for each in reversed(newest) if len(named) >= SHORT_SHA and each.sha.startswith(named)}
    if len(matching) == 1:
        return matching.popitem()[1]
    listed = ", ".join(f"#{each.operation} ({each.sha[:SHORT_SHA]})" for each in newest[:LISTED])
    raise UserError(
        f"{typed_arguments.quoted(named)} is no deploy to {environment.name} that Signalbox recorded. The newest are {listed}."
    )


async def notices(operation: Operation, commit: Commit) -> tuple[str, ...]:
    """Within a step, before anybody approves: what the approvers should know of going back to this commit.

    Raises UserError where the record has no deploy of it, of that number.
    """
    services, environment = operation.services, operation.environment
    number = operation.record.arguments[BACK]
    newest = await services.deployments.newest(environment.name)
    to = next((each for each in newest if str(each.operation) == number), None)
    if to is None or to.sha != commit.sha:
        raise UserError(
            f"#{number} is no deploy of {commit.short} to {environment.name}. Nothing was deployed; type /rollback {environment.words} again."
        )
    ran = f":rewind: {kit.code(commit.short)} was deployed here by #{number}, {kit.moment(to.at)}, by {kit.user(to.person)}."
    return (ran, *await irreversible(operation, await running(services, environment, newest[0]), commit))


async def irreversible(operation: Operation, current: str, commit: Commit) -> tuple[str, ...]:
    """What does not go back with the code: files that match the configured patterns and differ between the two commits."""
    settings, services = deploy_of(operation.environment).settings, operation.services
    if not settings.irreversible or current == commit.sha:
        return ()
    reads = CachedReads(services.github)
    try:
        changed = await ref_facts.changed_files(reads, commit.repository, commit.sha, current)
    except NotFoundError:
        return (
            f":warning: {kit.code(current[:SHORT_SHA])} has no history in common with it: what does not go back is unknown.",
        )
    except RunnerError as error:
        problem = services.redact(error.problem)
        log.warning("operation %s: %s", operation.number, services.redact(str(error)))
        return (
            f":warning: GitHub did not say what changed since, so what does not go back is unknown: {kit.escape(problem)}",
        )
    paths = [path for path in changed.paths if settings.is_irreversible(path)]
    more = (
        f" GitHub lists only the first {ref_facts.MOST_FILES} changed files; there may be others."
        if changed.cut
        else ""
    )
    if not paths:
        return (f":warning: What does not go back is not known whole.{more}",) if more else ()
    listed = phrases.listed_of([kit.code(path) for path in paths[:LISTED]], len(paths))
    return (f":warning: *These do not go back with the code:* {listed}. What they changed stays.{more}",)


COMMANDS = (
    Command("/rollback", USAGE, USAGE.partition(" ")[2], "Deploy again what an environment ran before.", handle),
)
