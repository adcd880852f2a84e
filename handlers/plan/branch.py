"""Whether the branch has moved on since a plan: looked for while it waits, and before anybody approves it."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from typing import TYPE_CHECKING

from bot.operations.registry import ApprovalCheck
from bot.slack.blocks import replies
from handlers.plan import views
from handlers.plan.views import Moved
from runners.errors import RunnerError
from runners.github import commits

if TYPE_CHECKING:
    from bot.operations.operation import Drawn, Operation
    from bot.services import Services
    from bot.slack.blocks.kit import Message
    from bot.store.approvals import Approval
    from runners.results import Commit

log = logging.getLogger(__name__)
PLANNED, SHOWN = "planned commit", "shown tip"
PATIENCE = 1.5  # seconds that a click waits for GitHub; Slack waits 3 for the answer, and a modal must open within them


class Branch:
    """The branch of a plan, as it was seen last. Make it anew whenever the durable body starts."""

    def __init__(self, operation: Operation, commit: Commit) -> None:
        self._operation = operation
        self._commit = commit
        self.moved: Moved | None = None

    async def remember(self) -> None:
        """Keep which commit was planned: whoever presses Approve is told when the branch has moved on."""
        await self._note("planned commit", PLANNED, self._commit.sha)

    async def look(self) -> Drawn | None:
        """Look again; when something changed, what to do once the message shows it."""
        seen = await self._operation.step("has the branch moved", self._seen)
        if seen == self.moved:
            return None
        self.moved = seen
        tip = seen.tip if seen else self._commit.sha
        return lambda: self._note("branch shown", SHOWN, tip)

    async def _seen(self) -> Moved | None:
        services = self._operation.services
        try:
            return await since(services, self._commit.sha, self._commit.ref)
        except RunnerError as error:
            log.warning("operation %s: %s", self._operation.number, services.redact(str(error)))
            return self.moved  # not known now; the next look may tell

    async def _note(self, step: str, what: str, value: str) -> None:
        annotations, number = self._operation.services.annotations, self._operation.number
        await self._operation.step(step, lambda: annotations.add(number, what, value))


async def news(services: Services, approval: Approval) -> Message | None:
    """What to tell who approves when the plan's branch has moved on and its message did not say so: once for each move.

    None when there is nothing to tell, or GitHub does not tell: what was planned and seen is what will be applied anyway.
    """
    planned = await services.annotations.values_of(approval.operation, PLANNED)
    environment = services.config.environments.get(approval.environment)
    terraform = environment.terraform if environment else None
    if not planned or terraform is None:
        return None
    try:
        async with asyncio.timeout(PATIENCE):
            moved = await since(services, planned[0], terraform.ref)
    except (RunnerError, TimeoutError) as error:
        log.warning("operation %s: whether its branch moved: %s", approval.operation, services.redact(str(error)))
        return None
    if moved is None or moved.tip in await services.annotations.values_of(approval.operation, SHOWN):
        return None
    await services.annotations.add(approval.operation, SHOWN, moved.tip)
    await services.engine.wake(approval.operation)
    return replies.done(
        f"{views.moved_on(moved)} Your approval was not counted; press Approve again if this is still what you want."
    )


async def since(services: Services, planned: str, ref: str) -> Moved | None:
    """How `ref` has moved on since the commit `planned` (a full SHA); None when it has not."""
    repository = services.config.github.repository
    now = await commits.resolve(services.github, repository, ref)
    if now.sha == planned:
        return None
    added = await commits.compare(services.github, repository, planned, now.sha)
    redact = services.redact
    return Moved(
        ref,
        now.sha,
        tuple(replace(commit, subject=redact(commit.subject), author=redact(commit.author)) for commit in added),
    )


APPROVAL_CHECKS = (ApprovalCheck(news),)
