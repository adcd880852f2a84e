"""Whether an operation may start what it asked for: decided again from sealed rows, directly before it starts.

The database alone cannot say yes: the request, the approval and its votes have seals, the audit log holds each decision,
and the approvers are asked for in Slack again. An older state of a row verifies, but then contradicts the audit log.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

from bot.access import policy
from bot.config.targets import without_lane
from bot.errors import Cancelled, Denied, ForgedError, NoLongerApprovedError
from bot.operations import closed
from bot.slack.blocks import kit
from bot.store.approvals import Outcome

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from bot.config.targets import Target
    from bot.services import Services
    from bot.store.approvals import Approval
    from bot.store.audit import Entry
    from bot.store.operations import Record

AGAIN = "Nothing was started. Run the command again."
ENDED = "ended"  # the action of the audit log's entry about the end of an operation
# Seconds for which an approved operation waits for Slack to say who is in a group.
ANSWER_WITHIN = 60.0
PAUSE = 5.0


async def check(services: Services, record: Record, binding: str, *, reads: bool = False) -> None:
    """Raises ForgedError or NoLongerApprovedError unless the operation may start what this binding is the digest of.

    An empty binding: its workflow asks for no approval. Then the request itself is checked. Unless it only `reads`: raises
    Denied while its requester may not change the target (windows, locks, freezes). Raises Cancelled after a Cancel.
    """
    stored = await services.operations.verified(record.number)
    if _request(stored) != _request(record):
        raise ForgedError(f"The request of #{record.number} is not the one that began it. {AGAIN}")
    entries = await services.audit.of_operation(record.number)
    if not entries or (entries[0].action, entries[0].actor) != (record.kind, record.requester):
        raise ForgedError(f"The audit log does not hold the request of #{record.number}. {AGAIN}")
    if any(entry.action == ENDED for entry in entries):
        raise ForgedError(f"By the audit log #{record.number} has ended already. {AGAIN}")
    if binding:
        await _check_approval(services, record, binding, entries)
    if person := await services.operations.cancel_requested(record.number):
        raise Cancelled(f"cancelled by {kit.user(person)} before it began")
    if not reads:
        await closed.check_open(services, policy.target_of(services.config, record.environment), record.requester)
    await services.operations.require_lease()


async def check_still_may(services: Services, target: Target, user: str) -> None:
    """Raises Denied unless this person, whose click is about to take effect, may still approve there."""
    services.directory.forget()
    policy.check_may_approve(services.config, target, await services.directory.person(user), requester="")


async def lapsed_approvers(services: Services, approval: Approval) -> tuple[str, ...]:
    """The people who approved and no longer may. While Slack does not say who is in a group, nobody is taken for lapsed."""
    return (await _lapsed_and_unknown(services, approval))[0]


async def _check_approval(services: Services, record: Record, binding: str, entries: Sequence[Entry]) -> None:
    approval = await services.approvals.of_binding(record.number, binding)
    if approval is None:
        raise ForgedError(f"There is no record of the approval of #{record.number}. {AGAIN}")
    if (approval.environment, approval.requester) != (without_lane(record.environment), record.requester):
        raise ForgedError(f"The approval of #{record.number} belongs to another request. {AGAIN}")
    if approval.outcome is not Outcome.APPROVED:
        raise NoLongerApprovedError(f"#{record.number} is not approved: {approval.outcome.value}. {AGAIN}")
    _check_recorded(approval, entries)
    approval = replace(approval, lapsed=await _lapsed_now(services, approval))
    needed = max(approval.required, policy.target_of(services.config, record.environment).approval.required)
    counted = set(approval.approvers)
    if len(counted) < needed:
        raise NoLongerApprovedError(f"{not_enough(approval.lapsed, len(counted), needed)} {AGAIN}")


def not_enough(lapsed: Collection[str], counted: int, needed: int) -> str:
    """Why the approvals are too few, for example "<@U0LEE> is no longer an approver; 1 of 2 approvals count"."""
    names = " and ".join(kit.user(person) for person in lapsed)
    verb = "is no longer an approver" if len(lapsed) == 1 else "are no longer approvers"
    return f"{f'{names} {verb}; ' if lapsed else ''}{counted} of {needed} approvals count."


def _check_recorded(approval: Approval, entries: Sequence[Entry]) -> None:
    """Raises ForgedError unless the audit log holds exactly the decisions of this approval, each made in time."""
    about = [entry for entry in entries if entry.detail.get("binding") == approval.binding]
    if any(entry.action == Outcome.REJECTED for entry in about):
        raise ForgedError(f"By the audit log #{approval.operation} was rejected. {AGAIN}")
    approved_by = {entry.actor for entry in about if entry.action == Outcome.APPROVED}
    for vote in approval.votes:
        if vote.decision != Outcome.APPROVED or vote.person not in approved_by or vote.at >= approval.expires_at:
            raise ForgedError(
                f"The audit log does not hold the approval of #{approval.operation} by {kit.user(vote.person)}. {AGAIN}"
            )


async def _lapsed_now(services: Services, approval: Approval) -> tuple[str, ...]:
    """The lapsed approvers as Slack says now. Raises NoLongerApprovedError when Slack does not say for long."""
    services.directory.forget()
    end = asyncio.get_running_loop().time() + ANSWER_WITHIN
    while True:
        lapsed, unknown = await _lapsed_and_unknown(services, approval)
        if not unknown:
            return lapsed
        if asyncio.get_running_loop().time() >= end:
            names = " and ".join(kit.user(person) for person in unknown)
            raise NoLongerApprovedError(f"Slack does not say whether {names} may still approve. {AGAIN}")
        await asyncio.sleep(PAUSE)


async def _lapsed_and_unknown(services: Services, approval: Approval) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The approvers who no longer may, and those in doubt because a group cannot be read."""
    target = policy.target_of(services.config, approval.environment)
    lapsed, unknown = list[str](), list[str]()
    for user in replace(approval, lapsed=()).approvers:
        person = await services.directory.person(user)
        try:
            policy.check_may_approve(services.config, target, person, approval.requester)
        except Denied:
            (unknown if policy.depends_on_unreadable(services.config, target, person) else lapsed).append(user)
    return tuple(lapsed), tuple(unknown)


def _request(record: Record) -> tuple[object, ...]:
    return record.kind, record.environment, record.requester, dict(record.arguments), record.created_at
