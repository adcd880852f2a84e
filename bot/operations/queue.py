"""The queue of an environment: which operation each waits for, as their messages display it."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from bot.operations.posting import deliver
from bot.slack.blocks import common, kit
from bot.slack.blocks.common import Head
from bot.store.operations import Record, Status

if TYPE_CHECKING:
    from bot.services import Services


async def update_waiting(services: Services, environment: str) -> None:
    """Update the message of each queued operation of this environment."""
    for ahead, behind in pairwise(await services.operations.open_in(environment)):
        await _update(services, ahead, behind)


async def update_next(services: Services, ahead: Record) -> None:
    """Update the message of the operation right behind `ahead`, if any."""
    for record, behind in pairwise(await services.operations.open_in(ahead.environment)):
        if record.number == ahead.number:
            await _update(services, record, behind)


async def _update(services: Services, ahead: Record, behind: Record) -> None:
    if behind.status is Status.WAITING and behind.message_ts:
        await deliver(services, behind.number, waiting_message(ahead, behind))


def waiting_message(ahead: Record, record: Record) -> kit.Message:
    """The message of a queued operation: which operation it waits for, and the activity of that operation."""
    activity = f", which {kit.escape(ahead.activity)}" if ahead.activity else ""
    requester = kit.user(ahead.requester)
    text = f"#{ahead.number} ({kit.escape(ahead.title)}, asked by {requester}){activity}"
    return common.waiting(head_of(record), text)


async def update_cancelled(services: Services, number: int) -> None:
    """Update the message of an operation that was cancelled while it was queued."""
    record, person = await services.operations.get(number), await services.operations.cancel_requested(number)
    news = f"withdrawn by {kit.user(person or 'somebody')} before it had begun; nothing was changed"
    message = common.short_message(head_of(record), Status.CANCELLED.value, news)
    ended = common.ended_words(record.created_at, record.ended_at or record.created_at)
    await deliver(services, number, kit.with_small_print(message, ended))


def head_of(record: Record) -> Head:
    """The first line of the operation's message, as a value."""
    return Head(record.number, record.title, record.environment, record.requester)
