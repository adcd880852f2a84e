"""What a deploy brings: the commits between what an environment runs and what goes out."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from bot.slack.blocks import commits, kit
from runners.errors import NotFoundError, RunnerError
from runners.github import commits as github_commits
from runners.github.api.reads import CachedReads

if TYPE_CHECKING:
    from bot.operations.operation import Operation
    from bot.store.deployments import Deployment
    from handlers.deploy.views import Outgoing
    from runners.results import Commit, Difference

log = logging.getLogger(__name__)


def runs_now(running: Deployment | None, commit: Commit, *, differs: bool = False) -> str:
    """What the environment runs, escaped. `differs`: its machines do not all run the same, which is told elsewhere."""
    if differs:
        return "not the same everywhere, see below"
    if running is None:
        return "not known: Signalbox has not deployed here yet"
    subject = kit.escape(kit.cut(running.subject, 90))
    same = ", the same commit" if running.sha == commit.sha else ""
    return f"{kit.code(running.sha[:7])} {subject} (since {kit.moment(running.at)} by {kit.user(running.person)}{same})"


async def since(operation: Operation, running: Deployment | None, commit: Commit) -> tuple[Difference | None, str]:
    """Within a step: the commits from what runs to what goes out, and a sentence (escaped) where they cannot be told.

    That GitHub does not tell is no reason not to deploy.
    """
    if running is None or running.sha == commit.sha:
        return None, ""
    services = operation.services
    try:
        found = await github_commits.difference(
            CachedReads(services.github), commit.repository, running.sha, commit.sha
        )
    except NotFoundError:
        gone = kit.code(running.sha[:7])
        return None, f":question: {gone} is not in the repository's history (any more): what goes out is not known"
    except RunnerError as error:
        log.warning("operation %s: %s", operation.number, services.redact(str(error)))
        return None, f":question: What goes out is not known: {kit.escape(services.redact(error.problem))}"
    return services.redact.within(found), ""


async def list_in_thread(operation: Operation, outgoing: Outgoing) -> None:
    """Durable: all the commits into the thread, where the message has no room for them."""
    message = commits.in_thread(outgoing.difference) if outgoing.difference else None
    if message:
        await operation.details("commits", message)
