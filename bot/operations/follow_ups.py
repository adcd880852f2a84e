"""Follow-ups: the operation that a button on a message began, linked there in the button's place."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from bot.operations.queue import head_of
from bot.slack.blocks.common import LinkedOperation, replace_button
from bot.slack.client import Posted
from bot.slack.retry import with_retries
from bot.slack.web_api import ChatError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.operations.operation import Operation
    from bot.operations.registry import FollowUp
    from bot.services import Services
    from bot.store.operations import Record

log = logging.getLogger(__name__)
# Checks for the message of an operation that was just begun, and the seconds between two; a queued one has a message too.
MESSAGE_CHECKS, CHECK_INTERVAL = 50, 0.1


async def link_started(services: Services, follow_up: FollowUp, older: Record, part: str = "") -> None:
    """Right after a button began its request: link the operation on the button's message, once it has a message."""
    newer = await wait_for_started(services, follow_up.key(older.number, part))
    if newer:
        await _link(services, follow_up, older, newer, part)


async def link_from_older(operation: Operation, follow_ups: Sequence[FollowUp]) -> None:
    """Durable: link this operation on the message whose button began it, also if the bot was killed meanwhile."""

    async def link() -> None:
        key = await operation.services.operations.key_of(operation.number)
        for follow_up in follow_ups:
            number, _, part = key.removeprefix(follow_up.prefix).partition("-")
            if key.startswith(follow_up.prefix) and number.isdecimal():
                older = await operation.services.operations.get(int(number))
                await _link(operation.services, follow_up, older, operation.record, part)

    await operation.step("link from older", link)


async def wait_for_started(services: Services, key: str) -> Record | None:
    """The operation that the request with this key began, once it has a message; None if that takes too long."""
    for _ in range(MESSAGE_CHECKS):
        newer = await services.operations.started_by(key)
        if newer and newer.message_ts:
            return newer
        await asyncio.sleep(CHECK_INTERVAL)
    return None


async def wait_for_message(services: Services, number: int, checks: int | None = None) -> Record:
    """The operation of this number, if possible with its message. Raises LookupError."""
    for _ in range(MESSAGE_CHECKS if checks is None else checks):
        record = await services.operations.get(number)
        if record.message_ts:
            break
        await asyncio.sleep(CHECK_INTERVAL)
    return record


async def linked(services: Services, record: Record) -> LinkedOperation:
    """An operation with the address of its message, or without if Slack does not give the address."""
    if not record.message_ts:
        return LinkedOperation(head_of(record), "")
    try:
        url = await services.chat.permalink(Posted(record.channel, record.message_ts))
    except ChatError as error:
        log.warning("the address of the message of operation %s: %s", record.number, error)
        url = ""
    return LinkedOperation(head_of(record), url)


async def _link(services: Services, follow_up: FollowUp, older: Record, newer: Record, part: str) -> None:
    at = Posted(older.channel, older.message_ts or "")
    value = f"{older.number}:{part}" if part else ""

    async def change() -> None:
        current = await services.chat.read(at)
        operation = await linked(services, newer) if current else None
        message = (
            replace_button(current, follow_up.action, follow_up.words, operation, value)
            if current and operation
            else None
        )
        if message:
            await services.chat.update(at, message)

    await with_retries(change)
