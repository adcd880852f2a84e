"""What a message has led to: the operation that a button on it began, named there in the button's place."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from bot.operations.queue import head_of
from bot.slack.blocks.common import Elsewhere, led_on
from bot.slack.client import ChatError, Posted
from bot.slack.retry import patiently

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.operations.operation import Operation
    from bot.operations.registry import FollowUp
    from bot.services import Services
    from bot.store.operations import Record

log = logging.getLogger(__name__)
LOOKS, EVERY = 50, 0.1  # for the message of what was begun; whoever waits in line behind others has one as well


async def begun(services: Services, follow_up: FollowUp, older: Record, part: str = "") -> None:
    """Right after a button began its request: name what it began, as soon as that has a message."""
    newer = await announced(services, follow_up.key(older.number, part))
    if newer:
        await _point(services, follow_up, older, newer, part)


async def take_over(operation: Operation, follow_ups: Sequence[FollowUp]) -> None:
    """Durable: where this operation was begun by a button, the button's message names it; also if the bot died meanwhile."""

    async def point() -> None:
        key = await operation.services.operations.key_of(operation.number)
        for follow_up in follow_ups:
            number, _, part = key.removeprefix(follow_up.prefix).partition("-")
            if key.startswith(follow_up.prefix) and number.isdecimal():
                older = await operation.services.operations.get(int(number))
                await _point(operation.services, follow_up, older, operation.record, part)

    await operation.step("take over", point)


async def announced(services: Services, key: str) -> Record | None:
    """What the request with this key has begun, waited for until it has a message; None when it has none for too long."""
    for _ in range(LOOKS):
        newer = await services.operations.started_by(key)
        if newer and newer.message_ts:
            return newer
        await asyncio.sleep(EVERY)
    return None


async def shown(services: Services, number: int, looks: int = LOOKS) -> Record:
    """The operation of this number, waited for until it has a message, but not for too long. Raises LookupError."""
    for _ in range(looks):
        record = await services.operations.get(number)
        if record.message_ts:
            break
        await asyncio.sleep(EVERY)
    return record


async def elsewhere(services: Services, record: Record) -> Elsewhere:
    """An operation with the address of its message, where it has one and Slack tells."""
    if not record.message_ts:
        return Elsewhere(head_of(record), "")
    try:
        url = await services.chat.permalink(Posted(record.channel, record.message_ts))
    except ChatError as error:
        log.warning("the address of the message of operation %s: %s", record.number, error)
        url = ""
    return Elsewhere(head_of(record), url)


async def _point(services: Services, follow_up: FollowUp, older: Record, newer: Record, part: str) -> None:
    at = Posted(older.channel, older.message_ts or "")
    value = f"{older.number}:{part}" if part else ""

    async def change() -> None:
        shown = await services.chat.read(at)
        named = await elsewhere(services, newer) if shown else None
        message = led_on(shown, follow_up.action, follow_up.words, named, value) if shown and named else None
        if message:
            await services.chat.update(at, message)

    await patiently(change)
