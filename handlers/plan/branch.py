"""Whether the branch has moved since a plan: checked while it waits, and before anybody approves it."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from typing import TYPE_CHECKING

from bot.operations.registry import ApprovalCheck, Objection
from bot.slack.blocks import replies
from handlers.plan import views
from handlers.plan.views import Moved
from runners.errors import RunnerError
from runners.github import commits

if TYPE_CHECKING:
    from bot.operations.approval import AfterUpdate
    from bot.operations.operation import Operation
    from bot.services import Services
    from bot.store.approvals import Approval
    from runners.results import Commit

log = logging.getLogger(__name__)
MOVED = (
    "Nothing was approved yet: the branch has moved on meanwhile. The plan's message says by which commits; press Approve "
    "here once more if this is still what you want."
)
PLANNED, DISPLAYED = "planned commit", "shown tip"
GITHUB_TIMEOUT = (
    1.5  # seconds that a click waits for GitHub; Slack waits 3 for the answer, and a modal must open within them
)


class Branch:
    """The branch of a plan, as it was seen last. Make it anew whenever the durable body starts."""

    def __init__(self, operation: Operation, commit: Commit) -> None:
        self._operation = operation
        self._commit = commit
        self.moved: Moved | None = None

    async def remember(self) -> None:
        """Store which commit was planned, so that Approve can report that the branch has moved."""
        await self._note("planned commit", PLANNED, self._commit.sha)

    async def check(self) -> AfterUpdate | None:
        """Check again; if something changed, what to do once the message shows it."""
        moved = await self._operation.step("has the branch moved", self._moved)
        if moved == self.moved:
            return None
        self.moved = moved
        tip = moved.tip if moved else self._commit.sha
        return lambda: self._note("branch shown", DISPLAYED, tip)

    async def _moved(self) -> Moved | None:
        services = self._operation.services
        try:
            return await since(services, self._commit.sha, self._commit.ref)
        except RunnerError as error:
            log.warning("operation %s: %s", self._operation.number, services.redact(str(error)))
            return self.moved  # unknown now; the next check may know

    async def _note(self, step: str, what: str, value: str) -> None:
        annotations, number = self._operation.services.annotations, self._operation.number
        await self._operation.step(step, lambda: annotations.add(number, what, value))


async def unseen_move(services: Services, approval: Approval) -> Objection | None:
    """The answer to an approver if the plan's branch has moved and its message did not show it: once for each move.

    None if nothing moved, or GitHub does not answer: what is applied is what was planned and displayed.
    """
    planned = await services.annotations.values_of(approval.operation, PLANNED)
    environment = services.config.environments.get(approval.environment)
    terraform = environment.terraform if environment else None
    if not planned or terraform is None:
        return None
    try:
        async with asyncio.timeout(GITHUB_TIMEOUT):
            moved = await since(services, planned[0], terraform.ref)
    except (RunnerError, TimeoutError) as error:
        log.warning("operation %s: whether its branch moved: %s", approval.operation, services.redact(str(error)))
        return None
    if moved is None or moved.tip in await services.annotations.values_of(approval.operation, DISPLAYED):
        return None
    await services.annotations.add(approval.operation, DISPLAYED, moved.tip)
    await services.engine.wake(approval.operation)
    message = replies.done(
        f"{views.moved_on(moved)} Your approval was not counted; press Approve again if this is still what you want."
    )
    return Objection(message, MOVED)


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


APPROVAL_CHECKS = (ApprovalCheck(unseen_move),)
