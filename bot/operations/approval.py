"""Waiting for the approval of an operation, until people, time or another system decide."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from bot.operations import authority
from bot.slack.blocks.common import ApprovalView
from bot.store.approvals import Approval, ApprovalRequest, Outcome
from bot.store.operations import Status

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from bot.operations.operation import Operation
    from bot.slack.blocks.kit import Message

    AfterUpdate = Callable[[], Coroutine[Any, Any, None]]
    DecidedOutside = Callable[[], Coroutine[Any, Any, bool]]
    Updates = Callable[[], Coroutine[Any, Any, AfterUpdate | None]]

# Seconds between two checks of an approval, even if nothing wakes the operation, so that no decision is ever lost.
CHECK_INTERVAL = 60.0
OUTSIDE_CHECK_INTERVAL = 15.0  # where people may decide outside of Slack, which sends no notification
SHORTEST_WAIT = 0.05


@dataclass(frozen=True, slots=True)
class OpenApproval:
    """An approval that an operation waits for; see Operation.approved for the fields."""

    operation: Operation
    render: Callable[[ApprovalView], Message]
    decided_outside: DecidedOutside | None = None
    updates: Updates | None = None

    async def outcome(self, binding: str, required: int, typed_confirmation: str) -> ApprovalView:
        """Durable: request the approval, display it, and wait until it is closed."""
        operation, services = self.operation, self.operation.services
        request = _request(operation, binding, required, typed_confirmation)
        approval = await operation.step("request approval", lambda: services.approvals.create(request))
        await self._display(approval)
        while approval.outcome is Outcome.PENDING:
            approval = await self._wait(approval)
        if approval.outcome is Outcome.EXPIRED:
            await operation.audit("expired", approval=approval.binding[:12])
        return view(operation, approval)

    async def _wait(self, approval: Approval) -> Approval:
        """The approval after the next decision or check; its message is up to date then."""
        interval = OUTSIDE_CHECK_INTERVAL if self.decided_outside else CHECK_INTERVAL
        remaining = approval.expires_at - await self.operation.step("now", self._now)
        await self.operation.services.engine.wait(min(interval, max(remaining, SHORTEST_WAIT)))
        current = await self.operation.step("check approval", lambda: self._check(approval.id))
        if current.outcome is Outcome.PENDING:
            after_update = await self.updates() if self.updates else None
            if after_update or (current.votes, current.lapsed) != (approval.votes, approval.lapsed):
                await self._display(current)
            if after_update:
                await after_update()
        return current

    async def _display(self, approval: Approval) -> None:
        message = self.render(view(self.operation, approval))
        await self.operation.show("show approval", message, Status.APPROVAL, "waits for approval")
        await self.operation.step("update queue", self.operation.update_waiting)

    async def _check(self, approval_id: str) -> Approval:
        approvals = self.operation.services.approvals
        if self.decided_outside and await self.decided_outside():
            return await approvals.close_outside_slack(approval_id)
        approval = await approvals.get(approval_id)
        if approval.outcome is not Outcome.PENDING:
            return approval
        await self.operation.restore_message()  # without it nobody could decide
        return replace(approval, lapsed=await authority.lapsed_approvers(self.operation.services, approval))

    async def _now(self) -> float:
        return self.operation.services.clock()


def view(operation: Operation, approval: Approval) -> ApprovalView:
    """The approval as messages display it."""
    votes = tuple((vote.person, vote.decision, vote.at) for vote in approval.votes)
    outcome, expires_at = approval.outcome.value, approval.expires_at
    return ApprovalView(
        approval.id, approval.required, outcome, votes, expires_at, operation.approvers(), lapsed=approval.lapsed
    )


def _request(operation: Operation, binding: str, required: int, typed_confirmation: str) -> ApprovalRequest:
    return ApprovalRequest(
        operation=operation.number,
        environment=operation.target.name,
        binding=binding,
        requester=operation.record.requester,
        channel=operation.at.channel,
        message_ts=operation.at.ts,
        required=required,
        expires_after=operation.target.approval.expires_after.total_seconds(),
        typed_confirmation=typed_confirmation,
    )
