"""New commits on a planned branch: checked for while the plan waits, and before an approval counts."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from typing import TYPE_CHECKING

from bot.operations.registry import ApprovalCheck, Objection
from bot.slack.blocks import replies
from handlers.plan.change_views import branch_move
from handlers.plan.views import BranchMove
from handlers.shared.requests import REF
from runners.errors import RunnerError
from runners.github import commits

if TYPE_CHECKING:
    from bot.operations.approval import AfterUpdate
    from bot.operations.operation import Operation
    from bot.operations.registry import Approver
    from bot.services import Services
    from bot.store.approvals import Approval
    from runners.results import Commit

log = logging.getLogger(__name__)
BRANCH_MOVED = (
    "Nothing was approved yet: the branch has moved on meanwhile. The plan's message says by which commits; press Approve "
    "here again if this is still what you want."
)
PLANNED_COMMIT, DISPLAYED_TIP = "planned commit", "displayed tip"  # annotations of a plan
OBJECTED_TIP = "objected tip"  # an annotation: a user, and the tip that an objection to their approval reported
# Seconds that a click waits for GitHub. Slack waits 3 s for the answer, in which a modal must open, too.
GITHUB_TIMEOUT = 1.5


class BranchMonitor:
    """Watches the branch of a plan. The workflow creates it again after each restart."""

    def __init__(self, operation: Operation, commit: Commit) -> None:
        self._operation = operation
        self._commit = commit
        self.move: BranchMove | None = None

    async def record_planned_commit(self) -> None:
        """Durable: annotate the plan with its commit, so that Approve can check whether the branch has moved."""
        await self._annotate("planned commit", PLANNED_COMMIT, self._commit.sha)

    async def changed(self) -> bool:
        """Outside of a step: whether the branch has moved since the last check."""
        return await self._read_move() != self.move

    async def check(self) -> AfterUpdate | None:
        """Durable: check again; after a new move, return what to do once the message displays it."""
        move = await self._operation.step("has the branch moved", self._read_move)
        if move == self.move:
            return None
        self.move = move
        tip = move.tip if move else self._commit.sha
        return lambda: self._annotate("displayed tip", DISPLAYED_TIP, tip)

    async def _read_move(self) -> BranchMove | None:
        services = self._operation.services
        try:
            return await move_since(services, self._operation.repository, self._commit.sha, self._commit.ref)
        except RunnerError as error:
            log.warning("operation %s: %s", self._operation.number, services.redact(str(error)))
            return self.move  # as at the last check

    async def _annotate(self, step: str, name: str, value: str) -> None:
        annotations, number = self._operation.services.annotations, self._operation.number
        await self._operation.step(step, lambda: annotations.add(number, name, value))


async def object_to_new_move(services: Services, approval: Approval, approver: Approver) -> Objection | None:
    """Object once to each person's approval for each move of the plan's branch that its message did not display.

    For a modal counts what the message displayed when the modal was opened: while they type, people do not see it change.

    No objection when GitHub does not answer: what is applied is what was planned and displayed.
    """
    planned = await services.annotations.values_of(approval.operation, PLANNED_COMMIT)
    environment = services.config.environments.get(approval.environment)
    terraform = environment.terraform if environment else None
    if not planned or environment is None or terraform is None:
        return None
    try:
        async with asyncio.timeout(GITHUB_TIMEOUT):
            record = await services.operations.get(approval.operation)
            repository = services.config.repository_of(environment)
            move = await move_since(services, repository, planned[0], record.arguments.get(REF) or terraform.ref)
    except (RunnerError, TimeoutError) as error:
        log.warning("operation %s: whether its branch moved: %s", approval.operation, services.redact(str(error)))
        return None
    if move is None or await _is_displayed(services, approval, approver, move.tip):
        return None
    await services.annotations.add(approval.operation, OBJECTED_TIP, f"{approver.user} {move.tip}")
    await services.engine.wake(approval.operation)
    message = replies.done(
        f"{branch_move(move)} Your approval was not counted; press Approve again if this is still what you want."
    )
    return Objection(message, BRANCH_MOVED)


async def _is_displayed(services: Services, approval: Approval, approver: Approver, tip: str) -> bool:
    """Whether the approver saw this tip: in the plan's message, or in an objection."""
    annotations, number = services.annotations, approval.operation
    displayed = await annotations.values_of(number, DISPLAYED_TIP, up_to=approver.annotations)
    return tip in displayed or f"{approver.user} {tip}" in await annotations.values_of(number, OBJECTED_TIP)


async def move_since(services: Services, repository: str, planned: str, ref: str) -> BranchMove | None:
    """The move of `ref` since the commit `planned` (a full SHA); None when it has not moved. Raises RunnerError."""
    tip = await commits.resolve(services.github, repository, ref)
    if tip.sha == planned:
        return None
    added = await commits.compare(services.github, repository, planned, tip.sha)
    redact = services.redact
    return BranchMove(
        ref,
        tip.sha,
        tuple(replace(commit, subject=redact(commit.subject), author=redact(commit.author)) for commit in added),
    )


APPROVAL_CHECKS = (ApprovalCheck(object_to_new_move),)
