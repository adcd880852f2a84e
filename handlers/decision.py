"""Approve and Reject under a plan or a deploy: checked when clicked, decided once, then the operation is woken."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot import policy
from bot.approvals import Approval, Outcome
from bot.audit import Entry
from bot.blocks.operation import APPROVE, REJECT
from bot.commands import Button, Click
from bot.errors import Denied

if TYPE_CHECKING:
    from bot.services import Services


async def approve(services: Services, click: Click) -> None:
    """Count this person's approval, if they may give it."""
    await _decide(services, click, Outcome.APPROVED)


async def reject(services: Services, click: Click) -> None:
    """End the matter, if this person may."""
    await _decide(services, click, Outcome.REJECTED)


async def _decide(services: Services, click: Click, decision: Outcome) -> None:
    approval = await services.approvals.get(click.value)
    try:
        await _check(services, click, approval, decision)
        decided = await services.approvals.decide(approval.id, click.user, decision)
    except Denied as denied:
        detail = {"what": decision.value, "why": str(denied)}
        await services.audit.record(
            Entry(click.user, "click refused", approval.environment, approval.operation, detail)
        )
        # A click that was counted, but whose wake-up was lost in a crash, is made good by the next click.
        await services.engine.wake(approval.operation)
        raise
    detail = {"binding": decided.binding, "outcome": decided.outcome.value}
    await services.audit.record(Entry(click.user, decision.value, decided.environment, decided.operation, detail))
    await services.engine.wake(decided.operation)


async def _check(services: Services, click: Click, approval: Approval, decision: Outcome) -> None:
    if (click.channel, click.message_ts) != (approval.channel, approval.message_ts):
        raise Denied("This button does not belong to this message; nothing changed.")
    environment = services.config.environments.get(approval.environment)
    if environment is None:
        raise Denied(f"{approval.environment} is no longer in the configuration; nothing changed.")
    person = await services.directory.person(click.user)
    may = policy.check_may_approve if decision is Outcome.APPROVED else policy.check_may_reject
    may(services.config, environment, person, approval.requester)


BUTTONS = (Button(APPROVE, approve), Button(REJECT, reject))
