"""The line of an environment: whom each operation in it waits for, shown in its message."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from bot.slack.blocks import common, kit
from bot.slack.blocks.common import Head
from bot.slack.client import Posted
from bot.slack.retry import patiently
from bot.store.operations import Record, Status

if TYPE_CHECKING:
    from bot.slack.client import Chat
    from bot.store.operations import Operations


async def tell_waiting(operations: Operations, chat: Chat, environment: str) -> None:
    """Bring the messages of the operations in line up to date with what they wait for."""
    for ahead, behind in pairwise(await operations.open_in(environment)):
        await _tell(chat, ahead, behind)


async def tell_next(operations: Operations, chat: Chat, ahead: Record) -> None:
    """Bring the message of the one right behind `ahead` up to date with what that one does now, where there is one."""
    for one, behind in pairwise(await operations.open_in(ahead.environment)):
        if one.number == ahead.number:
            await _tell(chat, one, behind)


async def _tell(chat: Chat, ahead: Record, behind: Record) -> None:
    if behind.status is Status.WAITING and behind.message_ts:
        at, message = Posted(behind.channel, behind.message_ts), waiting_message(ahead, behind)
        await patiently(lambda: chat.update(at, message))


def waiting_message(ahead: Record, record: Record) -> kit.Message:
    """What an operation in line shows: whom it waits for, and what that one is doing."""
    doing = f", which {kit.escape(ahead.activity)}" if ahead.activity else ""
    asked = kit.user(ahead.requester)
    return common.waiting(head_of(record), f"#{ahead.number} ({kit.escape(ahead.title)}, asked by {asked}){doing}")


async def show_cancelled(operations: Operations, chat: Chat, number: int) -> None:
    """Bring the message of an operation that was withdrawn from the line to that state."""
    record, person = await operations.get(number), await operations.cancel_requested(number)
    news = f"withdrawn by {kit.user(person or 'somebody')} before it had begun; nothing was changed"
    message = common.short_message(head_of(record), Status.CANCELLED.value, news)
    ended = common.ended_words(record.created_at, record.ended_at or record.created_at)
    at = Posted(record.channel, record.message_ts or "")
    await patiently(lambda: chat.update(at, kit.with_small_print(message, ended)))


def head_of(record: Record) -> Head:
    """What the record's message is headed by."""
    return Head(record.number, record.title, record.environment, record.requester)
