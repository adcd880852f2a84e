"""An operation's message and what is posted into its thread: each once, even if the bot is killed meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bot.services import Services
    from bot.slack.blocks.kit import Message
    from bot.slack.client import Posted
    from bot.store.operations import Record


async def post_announcement(services: Services, record: Record, message: Message) -> Posted:
    """Post an operation's one message, or return the message that an earlier attempt posted. Raises ChatError."""
    marker = f"{record.number}:message"
    first = await services.operations.begin_side_effect(record.number, "message")
    posted = None if first else await services.chat.find(record.channel, marker, since=record.created_at - 60)
    at = posted or await services.chat.post(record.channel, message, marker=marker)
    await services.operations.set_message(record.number, at.channel, at.ts)
    return at


async def post_in_thread(services: Services, record: Record, at: Posted, name: str, message: Message) -> None:
    """Post into the thread of an operation's message, unless an earlier attempt did. Raises ChatError."""
    marker = f"{record.number}:{name}"
    first = await services.operations.begin_side_effect(record.number, f"thread {name}"[:80])
    posted = None if first else await services.chat.find(at.channel, marker, since=record.created_at, thread=at.ts)
    if not posted:
        await services.chat.post(at.channel, message, thread=at.ts, marker=marker)


async def attach_file(
    services: Services, record: Record, at: Posted, *, filename: str, title: str, content: str
) -> None:
    """Upload a text file into the thread of an operation's message, unless an earlier attempt did. Raises ChatError."""
    first = await services.operations.begin_side_effect(record.number, f"file {filename}"[:80])
    if first or not await services.chat.has_file(at, filename):
        await services.chat.upload(at, filename=filename, title=title, content=content)
