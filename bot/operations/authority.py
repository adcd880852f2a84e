"""Whether an operation may start what it asked for: decided again from sealed rows, directly before it starts.

The database alone cannot say yes: the request, the approval and its votes have seals, the audit log holds each decision,
and the approvers are asked for in Slack again. An older state of a row verifies, but then contradicts the audit log.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from bot.access import policy, rights
from bot.access.rights import EMERGENCY
from bot.config.targets import without_lane
from bot.errors import Cancelled, Denied, ForgedError, NoLongerApprovedError
from bot.operations import closed
from bot.slack.blocks import kit
from bot.store.approvals import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Coroutine, Sequence

    from bot.access.rights import Need
    from bot.config.targets import Target
    from bot.services import Services
    from bot.store.approvals import Approval
    from bot.store.audit import Entry
    from bot.store.operations import Record

T = TypeVar("T")
AGAIN = "Nothing was started. Run the command again."
REVOKED = "approval revoked"  # the action of the audit log's entry about an approval that was taken back
ENDED = "ended"  # the action of the audit log's entry about the end of an operation
# Seconds for which an approved operation waits for Slack to say who is in a group.
ANSWER_WITHIN = 60.0
PAUSE = 5.0


async def check(services: Services, record: Record, binding: str, what: str = "", *, reads: bool = False) -> None:
    """Raises ForgedError or NoLongerApprovedError unless the operation may start `what`, of which this binding is the digest.

    An empty binding: its workflow asks for no approval. Then the request itself is checked, and whether its requester still
    may have that done. Unless it only `reads`: raises Denied while its requester may not change the target (windows, locks,
    freezes). Raises Cancelled after a Cancel.
    """
    stored = await services.operations.verified(record.number)
    if _request(stored) != _request(record):
        raise ForgedError(f"The request of #{record.number} is not the one that began it. {AGAIN}")
    entries = await services.audit.of_operation(record.number)
    if not entries or (entries[0].action, entries[0].actor) != (record.kind, record.requester):
        raise ForgedError(f"The audit log does not hold the request of #{record.number}. {AGAIN}")
    if any(entry.action == ENDED for entry in entries):
        raise ForgedError(f"By the audit log #{record.number} has ended already. {AGAIN}")
    services.directory.forget()
    await _check_requester(services, record, what)
    if binding:
        await _check_approval(services, record, binding, entries)
    if person := await services.operations.cancel_requested(record.number):
        raise Cancelled(f"cancelled by {kit.user(person)} before it began")
    if not reads:
        target, emergency = policy.target_of(services.config, record.environment), EMERGENCY in record.arguments
        await closed.check_open(services, target, record.requester, emergency=emergency)
    await services.operations.require_lease()


async def check_still_may(services: Services, target: Target, user: str, asked: Need) -> None:
    """Raises Denied unless this person, whose click is about to take effect, may still approve there."""
    services.directory.forget()
    person = await services.directory.person(user)
    policy.check_may_approve(services.config, target, person, requester="", asked=asked)


async def _check_requester(services: Services, record: Record, what: str) -> None:
    """Raises NoLongerApprovedError where the requester, if a person, no longer has the right that `what` takes."""
    if not policy.is_user(record.requester):
        return
    need = rights.effect_of(record.kind, record.arguments, what)
    target = policy.target_of(services.config, record.environment)
    rules = rights.people_of(rights.rules_for(services.config, need, target))

    async def lost() -> tuple[bool, tuple[str, ...]]:
        person = await services.directory.person(record.requester)
        unknown = policy.depends_on_unreadable(person, rules)
        refused = not policy.allowed(person, rules)
        return refused and not unknown, (record.requester,) if refused and unknown else ()

    if await _read_until_certain(lost, "may still have this done"):
        command = f" {need.command}" if need.command else ""
        raise NoLongerApprovedError(
            f"{kit.user(record.requester)}, who requested this, may no longer run{command} in {target.name}. {AGAIN}"
        )


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
    target = policy.target_of(services.config, record.environment)
    asked = rights.needed_for(record)
    needed = policy.required_approvals(services.config, target, asked, at_least=approval.required)
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
    newest = {entry.actor: entry.action for entry in about if entry.action in (Outcome.APPROVED, REVOKED)}
    approved_by = {actor for actor, action in newest.items() if action == Outcome.APPROVED}
    for vote in approval.votes:
        if vote.decision != Outcome.APPROVED or vote.person not in approved_by or vote.at >= approval.expires_at:
            raise ForgedError(
                f"The audit log does not hold the approval of #{approval.operation} by {kit.user(vote.person)}. {AGAIN}"
            )


async def _lapsed_now(services: Services, approval: Approval) -> tuple[str, ...]:
    """The lapsed approvers as Slack says now. Raises NoLongerApprovedError when Slack does not say for long."""
    return await _read_until_certain(lambda: _lapsed_and_unknown(services, approval), "may still approve")


async def _read_until_certain(read: Callable[[], Coroutine[Any, Any, tuple[T, tuple[str, ...]]]], whether: str) -> T:
    """What `read` returns once it is in doubt about nobody. Raises NoLongerApprovedError when Slack does not say for long."""
    end = asyncio.get_running_loop().time() + ANSWER_WITHIN
    while True:
        result, unknown = await read()
        if not unknown:
            return result
        if asyncio.get_running_loop().time() >= end:
            names = " and ".join(kit.user(person) for person in unknown)
            raise NoLongerApprovedError(f"Slack does not say whether {names} {whether}. {AGAIN}")
        await asyncio.sleep(PAUSE)


async def _lapsed_and_unknown(services: Services, approval: Approval) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The approvers who no longer may, and those in doubt because a group cannot be read."""
    target = policy.target_of(services.config, approval.environment)
    asked = rights.needed_for(await services.operations.verified(approval.operation))
    rules = rights.deciders(services.config, asked, target)
    lapsed, unknown = list[str](), list[str]()
    for user in replace(approval, lapsed=()).approvers:
        person = await services.directory.person(user)
        try:
            policy.check_may_approve(services.config, target, person, approval.requester, asked)
        except Denied:
            (unknown if policy.depends_on_unreadable(person, rules) else lapsed).append(user)
    return tuple(lapsed), tuple(unknown)


def _request(record: Record) -> tuple[object, ...]:
    return record.kind, record.environment, record.requester, dict(record.arguments), record.created_at
