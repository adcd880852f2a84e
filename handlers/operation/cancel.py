"""Cancel: stops a running operation, removes a waiting one from the queue, and rejects one that waits for approval."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.access import policy
from bot.access.rights import needed_for
from bot.errors import Denied, UserError
from bot.operations import going_first
from bot.operations.registry import Button, Click, Topic
from bot.operations.requests import refusals_recorded
from bot.slack.blocks import replies
from bot.slack.blocks.common import CANCEL
from bot.store.approvals import Outcome
from bot.store.audit import Entry
from bot.store.operations import Status
from handlers.operation.approve import decide
from handlers.shared import permissions
from handlers.shared.clicks import UNKNOWN, clicked, recorded

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.operations.registry import Invocation
    from bot.services import Services
    from bot.slack.blocks.kit import Message
    from bot.store.operations import Record


async def cancel(services: Services, click: Click) -> Message | None:
    """Ask the operation to stop, for its requester and for people who may approve it."""
    record = await clicked(services, click)
    return await _cancel(services, record, permissions.attempt_on(record, click.user, "cancel"))


async def cancel_number(services: Services, invocation: Invocation, words: Sequence[str]) -> Message:
    """The same by the operation's number, also for one that waits for approval."""
    record = await recorded(services, words[0].removeprefix("#") if words else "")
    attempt = Entry(invocation.user, "refused", record.environment, record.number, {"what": "/infra cancel"})
    try:
        return await _cancel(services, record, attempt)
    except Denied:
        if policy.sees(services.config, await services.directory.person(invocation.user), record.environment):
            raise
        raise UserError(UNKNOWN) from None


async def _cancel(services: Services, record: Record, attempt: Entry) -> Message:
    await permissions.check_may_reject(services, attempt, needed_for(record), requester=record.requester)
    user = attempt.actor
    if record.status.ended:
        raise UserError(f"#{record.number} is over already; there is nothing to cancel.")
    if record.status is Status.WAITING:
        return await _cancel_waiting(services, record, user)
    if record.status is Status.APPROVAL and (approval := await services.approvals.pending_of(record.number)):
        async with refusals_recorded(services, attempt):
            await decide(services, approval, user, Outcome.REJECTED)
        return replies.done(f"#{record.number} is rejected; its message says so.")
    await services.operations.request_cancel(record.number, user)
    await services.audit.record(Entry(user, "cancel", record.environment, record.number))
    await services.engine.wake(record.number)
    return replies.done(f"#{record.number} is being stopped; its message will say what was done.")


async def _cancel_waiting(services: Services, record: Record, user: str) -> Message:
    if not await services.operations.cancel_queued(record.number, user):
        raise UserError(f"#{record.number} has just begun; its message shows what it does. Cancel it there.")
    await services.audit.record(Entry(user, "withdraw", record.environment, record.number))
    services.queue_display.cancelled(services, record)
    await going_first.supersede(services, record.environment)
    return replies.done(f"#{record.number} is cancelled; it will not begin.")


BUTTONS = (Button(CANCEL, cancel),)
TOPICS = (
    Topic(
        "cancel",
        "<number>",
        "Cancel an operation, running or queued, or reject it.",
        cancel_number,
        task="Stop or close something",
    ),
)
