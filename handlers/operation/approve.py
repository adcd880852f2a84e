"""Approve and Reject: each click and modal is checked, a decision is made once, and then wakes the operation."""

from __future__ import annotations

import logging
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from bot.access.rights import needed_for
from bot.errors import ClosedError, Denied, UserError
from bot.operations import authority
from bot.operations.registry import Approver, Button, Click, Modal, Registry, Submission
from bot.operations.requests import refusals_recorded
from bot.slack.blocks import replies
from bot.slack.blocks.common import APPROVE, REJECT, REVOKE
from bot.slack.modal import open_modal
from bot.store.approval_tables import LONGEST_REASON
from bot.store.approval_values import check_open
from bot.store.approvals import Approval, Outcome
from bot.store.audit import Entry
from handlers.shared import permissions, ref_guard
from handlers.shared.closed import refused_approval

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from sqlalchemy import Connection

    from bot.operations.registry import Objection
    from bot.services import Services
    from bot.slack.blocks.kit import Block, Message
    from bot.store.operations import Record

log = logging.getLogger(__name__)


async def approve(services: Services, click: Click) -> Message | None:
    """Count this person's approval if they may approve; first ask for a typed confirmation where one is required.

    While a feature objects, or the target is closed, the approval does not count, and the answer has the reason.
    """
    asked = await read(services, click.value, click.user)
    if asked.typed_confirmation and asked.outcome is Outcome.PENDING:
        await open_modal(services.chat, click.trigger_id, replies.TYPED_TITLE, lambda: _confirmation(services, click))
        return None
    try:
        approval = await _clicked(services, click, Outcome.APPROVED)
    except ClosedError as closed:
        if closed.opens_at is None:
            raise
        return refused_approval(str(closed), asked.id, closed.opens_at)
    if objection := await objection_to(services, click.registry, approval, Approver(click.user)):
        return objection.message
    await decide(services, approval, click.user, Outcome.APPROVED)
    return None


async def _confirmation(services: Services, click: Click) -> Block | Message:
    """The modal for the typed confirmation, or what speaks against the approval."""
    approval = await _clicked(services, click, Outcome.APPROVED)
    annotations = await services.annotations.newest(approval.operation)
    if objection := await objection_to(services, click.registry, approval, Approver(click.user)):
        return objection.message
    record = await services.operations.get(approval.operation)
    explanation = next((kind.confirmation for kind in click.registry.kinds if kind.name == record.kind), "")
    title = f"#{record.number} {record.title}"
    return replies.typed_approval(approval.typed_confirmation, f"{approval.id} {annotations}", title, explanation)


async def reject(services: Services, click: Click) -> None:
    """Ask this person why, if they may reject the operation."""
    await open_modal(services.chat, click.trigger_id, replies.REJECTION_TITLE, lambda: _rejection(services, click))


async def _rejection(services: Services, click: Click) -> Block:
    approval = await _clicked(services, click, Outcome.REJECTED)
    async with _refused_late(services, approval, click.user, Outcome.REJECTED):
        check_open(approval, click.user, Outcome.REJECTED)
    record = await services.operations.get(approval.operation)
    return replies.rejection(approval.id, f"#{record.number} {record.title}", LONGEST_REASON)


async def rejected(services: Services, submission: Submission) -> Mapping[str, str]:
    """Reject the operation for the reason that was typed, or without one, after all checks are made again."""
    try:
        approval = await read(services, submission.private_metadata, submission.user)
        await check_may(services, approval, submission.user, Outcome.REJECTED)
        reason = " ".join(submission.values["reason"].split())
        await decide(services, approval, submission.user, Outcome.REJECTED, reason)
    except UserError as error:
        return {"reason": str(error)}
    return {}


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
        approval = await read(services, approval_id, submission.user)
        await check_may(services, approval, submission.user, Outcome.APPROVED)
        if submission.values["word"].strip() != approval.typed_confirmation:
            return {"word": f"That is not {approval.typed_confirmation}. Nothing was approved."}
        approver = Approver(submission.user, int(annotations or 0))
        if objection := await objection_to(services, submission.registry, approval, approver):
            return {"word": objection.fault}
        await decide(services, approval, submission.user, Outcome.APPROVED)
    except UserError as error:
        return {"word": str(error)}
    return {}


async def objection_to(
    services: Services, registry: Registry, approval: Approval, approver: Approver
) -> Objection | None:
    """The first objection of a feature to an approval that is open, if any."""
    if approval.outcome is not Outcome.PENDING:
        return None
    for approval_check in registry.approval_checks:
        if objection := await approval_check.check(services, approval, approver):
            return objection
    return None


async def read(services: Services, approval_id: str, user: str) -> Approval:
    """The approval of this id, which the person wants to decide. Raises Denied, UserError and ForgedError."""
    async with refusals_recorded(services, permissions.attempt(user, "decide")):
        return await services.approvals.get(approval_id)


async def _clicked(services: Services, click: Click, decision: Outcome) -> Approval:
    approval = await read(services, click.value, click.user)
    record = await _record(services, approval, _attempt(approval, click.user, decision))
    # The message as it is now: one that was lost has been posted again since the approval was requested. The Home tab has
    # the buttons of what its person may decide, each with the id of exactly one approval.
    if not click.at_home and (click.channel, click.message_ts) != (record.channel, record.message_ts):
        async with refusals_recorded(services, _attempt(approval, click.user, decision)):
            raise Denied("This button does not belong to this message.")
    await check_may(services, approval, click.user, decision)
    return approval


async def _record(services: Services, approval: Approval, attempt: Entry) -> Record:
    async with refusals_recorded(services, attempt):
        return await services.operations.verified(approval.operation)


async def check_may(services: Services, approval: Approval, user: str, decision: Outcome, *, now: bool = True) -> None:
    """Raises Denied unless this person may decide so; an approval also while the target is closed, unless it is for later."""
    attempt = _attempt(approval, user, decision)
    record = await _record(services, approval, attempt)
    asked, requester = needed_for(record), approval.requester
    if decision is Outcome.APPROVED:
        looks = await ref_guard.only_looks(services, record, approval.binding)
        in_window = now and not looks
        await permissions.check_may_approve(services, attempt, asked, requester=requester, in_window=in_window)
    else:
        await permissions.check_may_reject(services, attempt, asked, requester=requester)


async def decide(services: Services, approval: Approval, user: str, decision: Outcome, reason: str = "") -> None:
    """Count the decision of a person who may make it, and wake the operation. Raises Denied."""

    def record_decision(connection: Connection, decided: Approval) -> None:
        detail = {
            "binding": decided.binding,
            "outcome": decided.outcome.value,
            **({"reason": reason} if reason else {}),
        }
        entry = Entry(user, decision.value, decided.environment, decided.operation, detail)
        services.audit.append(connection, entry)

    async with _refused_late(services, approval, user, decision):
        lapsed = await authority.lapsed_approvers(services, approval)
        decided = await services.approvals.decide(
            approval.id, user, decision, record_decision, lapsed=lapsed, reason=reason
        )
    log.info("operation %s: %s by %s, %s", approval.operation, decision.value, user, decided.outcome.value)
    await services.engine.wake(approval.operation)


@asynccontextmanager
async def _refused_late(services: Services, approval: Approval, user: str, decision: Outcome) -> AsyncIterator[None]:
    """A context whose Denied is recorded, and wakes the operation: a crash may have lost the wake-up of an earlier click."""
    async with refusals_recorded(services, _attempt(approval, user, decision)):
        try:
            yield
        except Denied:
            await services.engine.wake(approval.operation)
            raise


def _attempt(approval: Approval, user: str, decision: Outcome) -> Entry:
    action = "approve" if decision is Outcome.APPROVED else "reject"
    return permissions.attempt(user, action, approval.environment, approval.operation)


# A person counts once for an approval, and a decided one is closed.
BUTTONS = (
    Button(APPROVE, approve, repeatable=True),
    Button(REJECT, reject, repeatable=True),
    Button(REVOKE, revoke, repeatable=True),
)
MODALS = (Modal(replies.TYPED_APPROVAL, typed), Modal(replies.REJECTION, rejected))
