"""What a message has led to: the operation that a button on it began, named there in the button's place."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.blocks.built import PLAN_IMAGES, PLANNED
from bot.blocks.hosts_ended import RETRY
from bot.blocks.operation import DEPLOY_AFTER, PLAN_AGAIN, Elsewhere, led_on
from bot.blocks.outgoing import AGAIN, ANYWAY
from bot.chat import ChatError, Posted
from bot.line import head_of
from bot.patience import patiently

if TYPE_CHECKING:
    from bot.operation import Operation
    from bot.operations import Record
    from bot.services import Services

log = logging.getLogger(__name__)
LOOKS, EVERY = 50, 0.1  # for the message of what was begun; whoever waits in line behind others has one as well


@dataclass(frozen=True, slots=True)
class Lead:
    """A button: its action, how keys of requests that it begins start (then the older operation's number), what follows.

    Where a message has several of them, `part` tells them apart: the button's value and the key have it behind the number.
    """

    action: str
    prefix: str
    words: str

    def key(self, number: int, part: str = "") -> str:
        """The request that this button on the message of operation `number` begins: once, however often it is pressed."""
        return f"{self.prefix}{number}-{part}" if part else f"{self.prefix}{number}"


NEW_PLAN = Lead(PLAN_AGAIN, "again-", "new plan")
CODE_DEPLOY = Lead(DEPLOY_AFTER, "after-", "code deploy")
TRIED_AGAIN = Lead(AGAIN, "checks-again-", "tried again")
ANYWAY_DEPLOY = Lead(ANYWAY, "checks-anyway-", "deployed anyway")
RETRIED = Lead(RETRY, "retry-", "retried")
IMAGES_PLANNED = Lead(PLAN_IMAGES, "plan-images-", PLANNED)
LEADS = (NEW_PLAN, CODE_DEPLOY, TRIED_AGAIN, ANYWAY_DEPLOY, RETRIED, IMAGES_PLANNED)


async def begun(services: Services, lead: Lead, older: Record, part: str = "") -> None:
    """Right after a button began its request: name what it began, as soon as that has a message."""
    newer = await announced(services, lead.key(older.number, part))
    if newer:
        await _point(services, lead, older, newer, part)


async def take_over(operation: Operation) -> None:
    """Durable: where this operation was begun by a button, the button's message names it; also if the bot died meanwhile."""

    async def point() -> None:
        key = await operation.services.operations.key_of(operation.number)
        for lead in LEADS:
            number, _, part = key.removeprefix(lead.prefix).partition("-")
            if key.startswith(lead.prefix) and number.isdecimal():
                older = await operation.services.operations.get(int(number))
                await _point(operation.services, lead, older, operation.record, part)

    await operation.step("take over", point)


async def announced(services: Services, key: str) -> Record | None:
    """What the request with this key has begun, waited for until it has a message; None when it has none for too long."""
    for _ in range(LOOKS):
        newer = await services.operations.begun_by(key)
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


async def _point(services: Services, lead: Lead, older: Record, newer: Record, part: str) -> None:
    at = Posted(older.channel, older.message_ts or "")
    value = f"{older.number}:{part}" if part else ""

    async def change() -> None:
        shown = await services.chat.read(at)
        named = await elsewhere(services, newer) if shown else None
        message = led_on(shown, lead.action, lead.words, named, value) if shown and named else None
        if message:
            await services.chat.update(at, message)

    await patiently(change)
