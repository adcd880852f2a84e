"""The first message of an operation: what a phone displays of it, and what it says until the operation begins."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from typing import TYPE_CHECKING

from bot.access import policy
from bot.config.targets import queue_of
from bot.operations import outgoing
from bot.operations.entries import record_end
from bot.operations.posting import deliver, post_announcement, until_taken
from bot.operations.queue import head_of
from bot.slack.blocks import common, kit
from bot.store.operations import Record, Status

if TYPE_CHECKING:
    from bot.services import Services

log = logging.getLogger(__name__)
JUST_ANNOUNCED = 30.0  # seconds for which an operation counts as seen after it was requested
DISPLAY_POLL_INTERVAL = 1.0  # seconds


async def announce(services: Services, number: int) -> str:
    """Within a step: post the message of an operation that was just numbered. Slack's error code where it takes none."""
    record = await services.operations.get(number)
    queue = queue_of(services.config, record.environment)
    ahead = [older for older in await services.operations.open_in(*queue) if older.number < number]
    text, message = "", _starting(record)
    if ahead:
        text, message = await services.queue_display.waiting(services, record, len(ahead), ahead[-1])
    message = replace(message, text=await _notification(services, record, queued=bool(ahead)))
    refused = await until_taken(number, lambda: post_announcement(services, record, message))
    if refused:
        # Without a message nobody could follow or approve it, so it does not start.
        log.error("operation %s cannot be announced in %s: %s", number, record.channel, refused)
        await services.operations.set_status(number, Status.FAILED, str(refused))
        return refused.code
    if ahead:
        services.queue_display.announced(services, record, text)
        services.queue_display.changed(services, record.environment)  # it may have changed while Slack took the message
    return ""


async def report_refusal(services: Services, number: int, refusal: str) -> None:
    """Within a step: report in `slack.channel` that the operation's own channel takes no message, so that it does not start."""
    record = await services.operations.get(number)
    news = f"did not start: Slack takes no message of mine in {kit.channel(record.channel)} ({kit.escape(refusal)})"
    message = common.short_message(head_of(record), "failed", news)
    await record_end(services, record, Status.FAILED, message)

    async def report() -> None:
        channel = await services.chat.channel_id(services.config.slack.channel)
        await post_announcement(services, record, message, channel)

    await until_taken(number, report)


async def _notification(services: Services, record: Record, *, queued: bool) -> str:
    """What a phone displays of an operation's first post: what it does, where, and for whom."""
    person = policy.is_user(record.requester)
    name = (await services.directory.name(record.requester) if person else None) or record.requester
    return f"{'Queued: ' if queued else ''}{kit.escape(record.title)}, requested by {kit.escape(name)}"


def _starting(record: Record) -> kit.Message:
    return common.short_message(head_of(record), "running", "starting")


async def display_start(services: Services, record: Record) -> None:
    """Wait until the message of an operation that was queued displays that it begins: nothing begins unseen."""
    if services.clock() - record.created_at < JUST_ANNOUNCED:
        return
    number = record.number
    await deliver(services, number, _starting(record), until_displayed=True)
    reported = False
    while await services.outbox.waits(number, outgoing.MESSAGE):
        if (await services.operations.get(number)).status is not Status.WAITING:
            return
        if not reported:
            log.error("operation %s does not begin before Slack displays its message", number)
            reported = True
        await asyncio.sleep(DISPLAY_POLL_INTERVAL)
