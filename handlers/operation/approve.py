"""Approve and Reject: each click is checked, a decision is made once, and then wakes the operation."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from bot.access.rights import needed_for
from bot.errors import Denied, UserError
from bot.operations import authority
from bot.operations.registry import Approver, Button, Click, Modal, Registry, Submission
from bot.operations.requests import refusals_recorded
from bot.slack.blocks import replies
from bot.slack.blocks.common import APPROVE, REJECT, REVOKE
from bot.slack.modal import open_modal
from bot.store.approvals import Approval, Outcome
from bot.store.audit import Entry
from handlers.shared import permissions, ref_guard

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection

    from bot.operations.registry import Objection
    from bot.services import Services
    from bot.slack.blocks.kit import Block, Message
    from bot.store.operations import Record

log = logging.getLogger(__name__)


async def approve(services: Services, click: Click) -> Message | None:
    """Count this person's approval if they may approve; first ask for a typed confirmation where one is required.

    While a feature objects, the approval does not count, and the answer has the reason.
    """
    asked = await _read(services, click.value, click.user)
    if asked.typed_confirmation and asked.outcome is Outcome.PENDING:
        await open_modal(services.chat, click.trigger_id, replies.TYPED_TITLE, lambda: _confirmation(services, click))
        return None
    approval = await _clicked(services, click, Outcome.APPROVED)
    approver = Approver(click.user)
    if approval.outcome is Outcome.PENDING and (
        objection := await _objection(services, click.registry, approval, approver)
    ):
        return objection.message
    await decide(services, approval, click.user, Outcome.APPROVED)
    return None


async def _confirmation(services: Services, click: Click) -> Block | Message:
    """The modal for the typed confirmation, or what speaks against the approval."""
    approval = await _clicked(services, click, Outcome.APPROVED)
    annotations = await services.annotations.newest(approval.operation)
    if objection := await _objection(services, click.registry, approval, Approver(click.user)):
        return objection.message
    record = await services.operations.get(approval.operation)
    explanation = next((kind.confirmation for kind in click.registry.kinds if kind.name == record.kind), "")
    title = f"#{record.number} {record.title}"
    return replies.typed_approval(approval.typed_confirmation, f"{approval.id} {annotations}", title, explanation)


async def reject(services: Services, click: Click) -> None:
    """Reject the operation, if this person may."""
    approval = await _clicked(services, click, Outcome.REJECTED)
    await decide(services, approval, click.user, Outcome.REJECTED)


async def revoke(services: Services, click: Click) -> Message:
    """Take back this person's own approval, as long as more are needed."""
    approval = await _clicked(services, click, Outcome.REJECTED)

    def record_revoked(connection: Connection, remaining: Approval) -> None:
        detail = {"binding": remaining.binding}
        entry = Entry(click.user, authority.REVOKED, remaining.environment, remaining.operation, detail)
        services.audit.append(connection, entry)

    async with refusals_recorded(services, _attempt(approval, click.user, Outcome.APPROVED)):
        await services.approvals.revoke(approval.id, click.user, record_revoked)
    await services.engine.wake(approval.operation)
    return replies.done("Your approval is revoked.")


async def typed(services: Services, submission: Submission) -> Mapping[str, str]:
    """Count an approval that was confirmed by typing, after all checks are made again."""
    try:
        approval_id, _, annotations = submission.private_metadata.partition(" ")
        approval = await _read(services, approval_id, submission.user)
        if submission.values["word"].strip() != approval.typed_confirmation:
            return {"word": f"That is not {approval.typed_confirmation}. Nothing was approved."}
        await _check_may(services, approval, submission.user, Outcome.APPROVED)
        approver = Approver(submission.user, int(annotations or 0))
        if approval.outcome is Outcome.PENDING and (
            objection := await _objection(services, submission.registry, approval, approver)
        ):
            return {"word": objection.fault}
        await decide(services, approval, submission.user, Outcome.APPROVED)
    except UserError as error:
        return {"word": str(error)}
    return {}


async def _objection(
    services: Services, registry: Registry, approval: Approval, approver: Approver
) -> Objection | None:
    """The first objection of a feature, if any."""
    for approval_check in registry.approval_checks:
        if objection := await approval_check.check(services, approval, approver):
            return objection
    return None


async def _read(services: Services, approval_id: str, user: str) -> Approval:
    async with refusals_recorded(services, permissions.attempt(user, "decide")):
        return await services.approvals.get(approval_id)


async def _clicked(services: Services, click: Click, decision: Outcome) -> Approval:
    approval = await _read(services, click.value, click.user)
    record = await _record(services, approval, _attempt(approval, click.user, decision))
    # The message as it is now: one that was lost has been posted again since the approval was requested. The Home tab has
    # the buttons of what its person may decide, each with the id of exactly one approval.
    if not click.at_home and (click.channel, click.message_ts) != (record.channel, record.message_ts):
        async with refusals_recorded(services, _attempt(approval, click.user, decision)):
            raise Denied("This button does not belong to this message.")
    await _check_may(services, approval, click.user, decision)
    return approval


async def _record(services: Services, approval: Approval, attempt: Entry) -> Record:
    async with refusals_recorded(services, attempt):
        return await services.operations.verified(approval.operation)


async def _check_may(services: Services, approval: Approval, user: str, decision: Outcome) -> None:
    attempt = _attempt(approval, user, decision)
    record = await _record(services, approval, attempt)
    asked, requester = needed_for(record), approval.requester
    if decision is Outcome.APPROVED:
        looks = await ref_guard.only_looks(services, record, approval.binding)
        in_window = not looks
        await permissions.check_may_approve(services, attempt, asked, requester=requester, in_window=in_window)
    else:
        await permissions.check_may_reject(services, attempt, asked, requester=requester)


async def decide(services: Services, approval: Approval, user: str, decision: Outcome) -> None:
    """Count the decision of a person who may make it, and wake the operation. Raises Denied."""

    def record_decision(connection: Connection, decided: Approval) -> None:
        detail = {"binding": decided.binding, "outcome": decided.outcome.value}
        entry = Entry(user, decision.value, decided.environment, decided.operation, detail)
        services.audit.append(connection, entry)

    async with refusals_recorded(services, _attempt(approval, user, decision)):
        try:
            lapsed = await authority.lapsed_approvers(services, approval)
            decided = await services.approvals.decide(approval.id, user, decision, record_decision, lapsed=lapsed)
        except Denied:
            # If a crash lost the wake-up after an earlier click was counted, this click wakes the operation.
            await services.engine.wake(approval.operation)
            raise
    log.info("operation %s: %s by %s, %s", approval.operation, decision.value, user, decided.outcome.value)
    await services.engine.wake(approval.operation)


def _attempt(approval: Approval, user: str, decision: Outcome) -> Entry:
    action = "approve" if decision is Outcome.APPROVED else "reject"
    return permissions.attempt(user, action, approval.environment, approval.operation)


# A person counts once for an approval, and a decided one is closed.
BUTTONS = (
    Button(APPROVE, approve, repeatable=True),
    Button(REJECT, reject, repeatable=True),
    Button(REVOKE, revoke, repeatable=True),
)
MODALS = (Modal(replies.TYPED_APPROVAL, typed),)
