"""Waiting for the approval of an operation, until people, time or another system decide."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

from bot.access import policy
from bot.access.rights import needed_for
from bot.engine.watch import Watch
from bot.errors import ClosedError
from bot.operations import authority, closed, going_first, notices
from bot.slack.blocks.common import ApprovalView
from bot.store.approvals import Approval, ApprovalRequest, Outcome
from bot.store.operations import Status

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from bot.operations.operation import Operation
    from bot.slack.blocks.kit import Message

    AfterUpdate = Callable[[], Coroutine[Any, Any, None]]
    DecidedOutside = Callable[[], Coroutine[Any, Any, bool]]

# Seconds between two checks while an approval is open, even if nothing wakes the operation, so that no decision is ever
# lost. The checks are no steps: a day of waiting stores a few rows, and a restart has a few to read again.
CHECK_INTERVAL = 60.0
OUTSIDE_CHECK_INTERVAL = 15.0  # where people may decide outside of Slack, which sends no notification
REMINDER_CHECKS = 4  # at least, from the time of the reminder to the expiry
SHORTEST_INTERVAL = 1.0
LONGEST_WAIT = 6 * 3_600.0  # seconds of one durable wait: the clock may be set meanwhile
SHORTEST_WAIT = 0.05


class Updates(Protocol):
    """What may change the message of an open approval beside its votes."""

    async def changed(self) -> bool:
        """Outside of a step: whether `check` would find something new."""
        ...

    async def check(self) -> AfterUpdate | None:
        """Durable: check again; where the message has to change, return what to do once it displays that."""
        ...


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

        async def request() -> Approval:
            return await services.approvals.create(await _request(operation, binding, required, typed_confirmation))

        approval = await operation.step("request approval", request)
        await self._display(approval)
        while approval.outcome is Outcome.PENDING:
            approval = await self._wait(approval)
        if approval.outcome is Outcome.EXPIRED:
            await operation.audit("expired", approval=approval.binding[:12])
        return view(operation, approval)

    async def _wait(self, approval: Approval) -> Approval:
        """The approval after the next decision or check; its message is up to date then."""
        # Steps of an approval keep their names and their order: an operation that waits since before an update replays them.
        remaining = approval.expires_at - await self.operation.step("now", self._now)
        before = self.operation.target.approval.remind_before.total_seconds()
        interval = OUTSIDE_CHECK_INTERVAL if self.decided_outside else CHECK_INTERVAL
        interval = min(interval, max(before / REMINDER_CHECKS, SHORTEST_INTERVAL))
        watch = Watch(lambda: self._has_changed(approval), interval)
        await self.operation.services.engine.wait(max(min(remaining, LONGEST_WAIT), SHORTEST_WAIT), watch)
        current = await self.operation.step("check approval", lambda: self._check(approval.id))
        if current.outcome is Outcome.PENDING:
            after_update = await self.updates.check() if self.updates else None
            if after_update or (current.votes, current.lapsed) != (approval.votes, approval.lapsed):
                await self._display(current)
            if after_update:
                await after_update()
        return current

    async def _has_changed(self, approval: Approval) -> bool:
        """Outside of a step: whether a check would find another state than the displayed one."""
        current = await self._check(approval.id)
        if current.outcome is not Outcome.PENDING:
            return True
        await notices.remind(self.operation.services, self.operation.record, current)
        if (current.votes, current.lapsed) != (approval.votes, approval.lapsed):
            return True
        return self.updates is not None and await self.updates.changed()

    async def _display(self, approval: Approval) -> None:
        message = self.render(view(self.operation, approval))

        async def notify() -> None:
            await notices.ask_approvers(self.operation.services, self.operation.record, approval, message)

        await self.operation.show("show approval", message, Status.APPROVAL, "waits for approval", notify=notify)
        await self.operation.step("update queue", self.operation.update_waiting)

    async def _check(self, approval_id: str) -> Approval:
        approvals = self.operation.services.approvals
        if self.decided_outside and await self.decided_outside():
            return await approvals.close_outside_slack(approval_id)
        if self.operation.record.kind in going_first.YIELDING:
            await going_first.supersede(self.operation.services, self.operation.record.environment)
        approval = await approvals.get(approval_id)
        if approval.outcome is not Outcome.PENDING:
            return approval
        await self.operation.restore_message()  # without it nobody could decide
        return replace(approval, lapsed=await authority.lapsed_approvers(self.operation.services, approval))

    async def _now(self) -> float:
        return self.operation.services.clock()


def approvers_of(operation: Operation) -> str:
    """Who may approve it, in Slack's mentions."""
    asked, config = needed_for(operation.record), operation.services.config
    return policy.approvers_in_words(config, operation.target, operation.record.requester, asked)


def required_approvals(operation: Operation, *, at_least: int) -> int:
    """How many people have to approve it."""
    asked = needed_for(operation.record)
    return policy.required_approvals(operation.services.config, operation.target, asked, at_least=at_least)


def view(operation: Operation, approval: Approval) -> ApprovalView:
    """The approval as messages display it."""
    return ApprovalView(
        approval.id,
        approval.required,
        approval.outcome.value,
        tuple((vote.person, vote.decision, vote.at) for vote in approval.votes),
        approval.expires_at,
        approvers_of(operation),
        lapsed=approval.lapsed,
        reason=approval.rejection.reason if approval.rejection else "",
    )


async def _opens_in(operation: Operation) -> float:
    """Within a step: seconds until what changes the target may be approved, as far as that is known."""
    emergency, now = needed_for(operation.record).right == "emergency", operation.services.clock()
    try:
        await closed.check_open(operation.services, operation.target, operation.record.requester, emergency=emergency)
    except ClosedError as error:
        return max((error.opens_at or now) - now, 0.0)
    return 0.0


async def _request(operation: Operation, binding: str, required: int, typed_confirmation: str) -> ApprovalRequest:
    return ApprovalRequest(
        operation=operation.number,
        environment=operation.target.name,
        binding=binding,
        requester=operation.record.requester,
        channel=operation.at.channel,
        message_ts=operation.at.ts,
        required=required,
        expires_after=await _opens_in(operation) + operation.target.approval.expires_after.total_seconds(),
        typed_confirmation=typed_confirmation,
    )
