"""Approve later: an approval that was refused because the target is closed counts as soon as it is open, if nothing has changed."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from bot.access import policy
from bot.access.rights import APPROVAL, COMMAND, inner_arguments, needed_for
from bot.errors import UserError
from bot.operations import follow_ups
from bot.operations.registry import Approver, Button
from bot.operations.requests import OperationRequest
from bot.slack.blocks import common, kit
from bot.store.approval_values import Outcome, check_open
from bot.store.operations import Status
from handlers.operation.approve import check_may, decide, objection_to, read
from handlers.shared.clicks import check_not_begun
from handlers.shared.closed import APPROVE_LATER, start_later

if TYPE_CHECKING:
    from bot.operations.operation import Operation
    from bot.operations.registry import Click
    from bot.services import Services
    from bot.slack.blocks.kit import Message
    from bot.store.approvals import Approval

ID, ANNOTATIONS = (
    "approval",
    "annotations",
)  # arguments: which approval, and the operation's newest annotation at the press
CHANGED = "something about it has changed since then. Read its message, and approve it there"


async def press(services: Services, click: Click) -> Message | None:
    """Begin the operation that approves for this person when the target is open, after all checks but that of the time."""
    approval = await read(services, click.value, click.user)
    await check_may(services, approval, click.user, Outcome.APPROVED, now=False)
    check_open(approval, click.user, Outcome.APPROVED)
    if approval.typed_confirmation:
        raise UserError("This has to be confirmed by typing when the time has come; nothing changed.")
    if objection := await objection_to(services, click.registry, approval, Approver(click.user)):
        return objection.message
    record = await services.operations.verified(approval.operation)
    digest = hashlib.sha256(f"{approval.id} {click.user}".encode()).hexdigest()
    key = f"approving-{digest[:30]}"
    await check_not_begun(services, key, "You approve this later")
    services.command_answers.expect(key, click.response_url)
    annotations = str(await services.annotations.newest(record.number))
    arguments = {ID: approval.id, ANNOTATIONS: annotations, COMMAND: needed_for(record).command}
    title = f"Approval of #{record.number} {record.title}"
    target = policy.target_of(services.config, record.environment)
    await start_later(services, OperationRequest(APPROVAL, title, click.user, key, target, arguments))
    return None


async def whose_change(operation: Operation) -> str:
    """Who requested what begins later, or what is approved then; nobody where that was decided, or has expired."""
    if operation.record.arguments["kind"] != APPROVAL:
        return operation.record.requester
    approval = await _approval(operation)
    return approval.requester if approval.outcome is Outcome.PENDING else ""


async def end(operation: Operation) -> None:
    """Durable: approve for the requester of this operation, and report whether that counts."""
    problem = await operation.step("approve", lambda: _approve(operation))
    status = Status.FAILED if problem else Status.SUCCEEDED
    await operation.end(status, await operation.step("approved", lambda: _message(operation, problem)))


async def _approve(operation: Operation) -> str:
    """Within a step: why the approval does not count; empty where it does. A repetition changes nothing."""
    user, approval = operation.record.requester, await _approval(operation)
    if user in approval.approvers:
        return ""
    given = inner_arguments(operation.record.arguments)[ANNOTATIONS]
    if given != str(await operation.services.annotations.newest(approval.operation)):
        return CHANGED
    try:
        check_open(approval, user, Outcome.APPROVED)
        operation.services.directory.forget()
        await check_may(operation.services, approval, user, Outcome.APPROVED)
        await decide(operation.services, approval, user, Outcome.APPROVED)
    except UserError as refused:
        return str(refused)
    return ""


async def _approval(operation: Operation) -> Approval:
    return await operation.services.approvals.get(inner_arguments(operation.record.arguments)[ID])


async def _message(operation: Operation, problem: str) -> Message:
    head, approval = operation.head, await _approval(operation)
    record = await operation.services.operations.get(approval.operation)
    other = await follow_ups.linked(operation.services, record)
    news = f"not approved: {kit.escape(problem)}" if problem else f"the window is open, #{record.number} is approved"
    lines = [common.first_line(head, "failed" if problem else "succeeded", news), common.linked_line("For", other)]
    return kit.message(common.plain(head, news), [*lines, common.requester_block(head)])


BUTTONS = (Button(APPROVE_LATER, press),)
