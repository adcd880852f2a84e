"""Cancel: stops a running operation, and removes a waiting operation from the queue."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.errors import UserError
from bot.operations.registry import Button, Click
from bot.slack.blocks import replies
from bot.slack.blocks.common import CANCEL
from bot.store.audit import Entry
from bot.store.operations import Status
from handlers.shared import permissions
from handlers.shared.clicks import clicked

if TYPE_CHECKING:
    from bot.services import Services
    from bot.slack.blocks.kit import Message
    from bot.store.operations import Record


async def cancel(services: Services, click: Click) -> Message | None:
    """Ask the operation to stop, for its requester and for people who may approve it."""
    record = await clicked(services, click)
    attempt = permissions.attempt_on(record, click.user, "cancel")
    await permissions.check_may_reject(services, attempt, requester=record.requester)
    if record.status.ended:
        raise UserError(f"#{record.number} is over already; there is nothing to cancel.")
    if record.status is Status.WAITING:
        return await _cancel_waiting(services, record, click.user)
    await services.operations.request_cancel(record.number, click.user)
    await services.audit.record(Entry(click.user, "cancel", record.environment, record.number))
    return replies.done(f"#{record.number} is being stopped; its message will say what was done.")


async def _cancel_waiting(services: Services, record: Record, user: str) -> Message:
    if not await services.operations.cancel_queued(record.number, user):
        raise UserError(
            f"#{record.number} has just begun and can no longer be withdrawn; its message shows what it does."
        )
    await services.audit.record(Entry(user, "withdraw", record.environment, record.number))
    services.queue_display.cancelled(services, record)
    return replies.done(f"#{record.number} is withdrawn; it will not begin.")


BUTTONS = (Button(CANCEL, cancel),)
