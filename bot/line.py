"""The line of an environment: whom each operation in it waits for, shown in its message."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from bot.blocks import kit, operation as drawing
from bot.blocks.operation import Head
from bot.chat import Posted
from bot.operations import Record, Status
from bot.patience import patiently

if TYPE_CHECKING:
    from bot.chat import Chat
    from bot.operations import Operations


async def tell_waiting(operations: Operations, chat: Chat, environment: str) -> None:
    """Bring the messages of the operations in line up to date with what they wait for."""
    for ahead, record in pairwise(await operations.open_in(environment)):
        if record.status is Status.WAITING and record.message_ts:
            at, message = Posted(record.channel, record.message_ts), waiting_message(ahead, record)
            await patiently(lambda at=at, message=message: chat.update(at, message))  # type: ignore[misc]


def waiting_message(ahead: Record, record: Record) -> kit.Message:
    """What an operation in line shows: whom it waits for, and what that one is doing."""
    doing = f", which {kit.escape(ahead.doing)}" if ahead.doing else ""
    asked = kit.user(ahead.requester)
    return drawing.waiting(head_of(record), f"#{ahead.number} ({kit.escape(ahead.title)}, asked by {asked}){doing}")


def head_of(record: Record) -> Head:
    """What the record's message is headed by."""
    return Head(record.number, record.title, record.environment, record.requester)
