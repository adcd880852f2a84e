"""Approve and Reject under a plan or a deploy: checked when clicked, decided once, then the operation is woken."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from bot.errors import Denied, UserError
from bot.operations.registry import Button, Click, Modal, Registry, Submission
from bot.operations.requests import refusals_recorded
from bot.slack.blocks import replies
from bot.slack.blocks.common import APPROVE, REJECT
from bot.store.approvals import Approval, Outcome
from bot.store.audit import Entry
from handlers.shared import permissions

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection

    from bot.services import Services
    from bot.slack.blocks.kit import Message

log = logging.getLogger(__name__)
MOVED = (
    "Nothing was approved yet: the branch has moved on meanwhile. The plan's message says by which commits; press Approve "
    "here once more if this is still what you want."
)


async def approve(services: Services, click: Click) -> Message | None:
    """Count this person's approval, if they may give it; ask for the word first where one must be typed.

    Not counted, and said, when the branch has moved on in a way that the message did not show.
    """
    approval = await _clicked(services, click, Outcome.APPROVED)
    if approval.outcome is Outcome.PENDING and (unseen := await _unseen(services, click.registry, approval)):
        return unseen
    if approval.typed_confirmation and approval.outcome is Outcome.PENDING:
        record = await services.operations.get(approval.operation)
        view = replies.typed_approval(approval.typed_confirmation, approval.id, f"#{record.number} {record.title}")
        await services.chat.open_view(click.trigger_id, view)
        return None
    await _decide(services, approval, click.user, Outcome.APPROVED)
    return None


async def reject(services: Services, click: Click) -> None:
    """End the matter, if this person may."""
    approval = await _clicked(services, click, Outcome.REJECTED)
    await _decide(services, approval, click.user, Outcome.REJECTED)


async def typed(services: Services, submission: Submission) -> Mapping[str, str]:
    """Count an approval whose word was typed; everything is checked again, for time has passed, the branch as well."""
    try:
        approval = await services.approvals.get(submission.private_metadata)
        if submission.values["word"].strip() != approval.typed_confirmation:
            return {"word": f"That is not {approval.typed_confirmation}. Nothing was approved."}
        await _check_may(services, approval, submission.user, Outcome.APPROVED)
        if approval.outcome is Outcome.PENDING and await _unseen(services, submission.registry, approval):
            return {"word": MOVED}
        await _decide(services, approval, submission.user, Outcome.APPROVED)
    except UserError as error:
        return {"word": str(error)}
    return {}


async def _unseen(services: Services, registry: Registry, approval: Approval) -> Message | None:
    """The first reason of a feature not to count this press yet."""
    for hook in registry.approval_checks:
        if reason := await hook.check(services, approval):
            return reason
    return None


async def _clicked(services: Services, click: Click, decision: Outcome) -> Approval:
    approval = await services.approvals.get(click.value)
    if (click.channel, click.message_ts) != (approval.channel, approval.message_ts):
        async with refusals_recorded(services, _attempt(approval, click.user, decision)):
            raise Denied("This button does not belong to this message.")
    await _check_may(services, approval, click.user, decision)
    return approval


async def _check_may(services: Services, approval: Approval, user: str, decision: Outcome) -> None:
    tried = _attempt(approval, user, decision)
    if decision is Outcome.APPROVED:
        await permissions.check_may_approve(services, tried, requester=approval.requester, in_window=True)
    else:
        await permissions.check_may_reject(services, tried, requester=approval.requester)


async def _decide(services: Services, approval: Approval, user: str, decision: Outcome) -> None:
    def note(connection: Connection, decided: Approval) -> None:
        detail = {"binding": decided.binding, "outcome": decided.outcome.value}
        entry = Entry(user, decision.value, decided.environment, decided.operation, detail)
        services.audit.append(connection, entry)

    async with refusals_recorded(services, _attempt(approval, user, decision)):
        try:
            decided = await services.approvals.decide(approval.id, user, decision, note)
        except Denied:
            # A click that was counted, but whose wake-up was lost in a crash, takes effect by the next click.
            await services.engine.wake(approval.operation)
            raise
    log.info("operation %s: %s by %s, %s", approval.operation, decision.value, user, decided.outcome.value)
    await services.engine.wake(approval.operation)


def _attempt(approval: Approval, user: str, decision: Outcome) -> Entry:
    what = "approve" if decision is Outcome.APPROVED else "reject"
    return permissions.attempt(user, what, approval.environment, approval.operation)


BUTTONS = (Button(APPROVE, approve), Button(REJECT, reject))
MODALS = (Modal(replies.TYPED_APPROVAL, typed),)
