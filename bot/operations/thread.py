"""What belongs to the thread of an operation's message. What Slack does not take is stored, and delivered when it is back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bot.operations import outgoing
from bot.operations.posting import LOST, QUICK, attach_file, deliver, is_outage, post_in_thread
from bot.slack.blocks import common
from bot.slack.pacing import Lane
from bot.slack.retry import with_retries

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from bot.operations.outgoing import TextFile
    from bot.services import Services
    from bot.slack.blocks.kit import Message
    from bot.slack.web_api import ChatError
    from bot.store.operations import Record


async def post_message(
    services: Services, record: Record, name: str, message: Message, displayed: Message | None
) -> None:
    """Post into the thread, once. `displayed` is what the operation's message says, if that has to be posted again."""
    refused = await _in_thread(services, record, lambda: post_in_thread(services, record, name, message), displayed)
    if refused and is_outage(refused):
        content = outgoing.of_message(services, message)
        await services.outbox.put(record.number, outgoing.THREAD + name, Lane.STATE, content, str(refused))


async def post_file(services: Services, record: Record, file: TextFile, displayed: Message | None) -> None:
    """Upload a text file into the thread, once; where Slack takes no file, the thread says so."""
    refused = await _in_thread(services, record, lambda: attach_file(services, record, file), displayed)
    if refused and is_outage(refused):
        form = outgoing.of_file(services, file)
        await services.outbox.put(record.number, outgoing.FILE + file.filename, Lane.PROGRESS, form, str(refused))
    elif refused:
        missing = common.not_attached(file.title, refused.code)
        await post_message(services, record, f"no {file.filename}", missing, displayed)


async def _in_thread(
    services: Services, record: Record, post: Callable[[], Coroutine[Any, Any, None]], displayed: Message | None
) -> ChatError | None:
    """Post with retries; if the message above the thread is lost, that is posted again first."""
    refused = await with_retries(post, QUICK)
    if refused and refused.verdict in LOST and displayed:
        await deliver(services, record.number, displayed)
        refused = await with_retries(post, QUICK)
    return refused
