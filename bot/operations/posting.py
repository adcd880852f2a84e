"""An operation's message and what goes into its thread: each posted once, whatever becomes of the bot meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bot.services import Services
    from bot.slack.blocks.kit import Message
    from bot.slack.client import Posted
    from bot.store.operations import Record


async def announce(services: Services, record: Record, message: Message) -> Posted:
    """Post an operation's one message, or find it where an earlier try already posted it. Raises ChatError."""
    mark = f"{record.number}:message"
    first = await services.operations.begin_side_effect(record.number, "message")
    found = None if first else await services.chat.find(record.channel, mark, since=record.created_at - 60)
    at = found or await services.chat.post(record.channel, message, mark=mark)
    await services.operations.set_message(record.number, at.channel, at.ts)
    return at


async def into_thread(services: Services, record: Record, at: Posted, name: str, message: Message) -> None:
    """Post into the thread of an operation's message, or find it where an earlier try already posted it. Raises ChatError."""
    mark = f"{record.number}:{name}"
    first = await services.operations.begin_side_effect(record.number, f"thread {name}"[:80])
    found = None if first else await services.chat.find(at.channel, mark, since=record.created_at, thread=at.ts)
    if not found:
        await services.chat.post(at.channel, message, thread=at.ts, mark=mark)
