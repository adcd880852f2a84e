"""New plan: begun once from an older operation's message, which then says which plan it is instead of offering one."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from bot import policy, requests
from bot.blocks.operation import PLAN_AGAIN, led_on
from bot.chat import Posted
from bot.commands import Button
from bot.errors import UserError
from bot.line import head_of
from bot.patience import patiently
from bot.requests import Wish
from handlers.clicks import clicked
from handlers.plans import words as plan_words

if TYPE_CHECKING:
    from bot.commands import Click
    from bot.operation import Operation
    from bot.operations import Record
    from bot.services import Services

log = logging.getLogger(__name__)
KEY = "again-"  # and the number of the operation on whose message the button was
LOOKS, EVERY = 50, 0.1  # for the new plan's message; whoever waits in line behind others has one as well


async def plan_again(services: Services, click: Click) -> None:
    """Begin a new plan, with the same words where it was a plan; a second click on the same message begins no second one."""
    record = await clicked(services, click)
    environment = policy.environment_of(services.config, record.environment)
    arguments = record.arguments if record.kind == "plan" else {}
    key = f"{KEY}{record.number}"
    if await services.operations.known(key):
        raise UserError("A new plan was begun from this message already.")
    await requests.start(
        services,
        Wish("plan", plan_words.title(environment, arguments), click.user, key, environment, arguments),
    )
    for _ in range(LOOKS):
        newer = await services.operations.begun_by(key)
        if newer and newer.message_ts:
            await _point(services, record, newer)
            return
        await asyncio.sleep(EVERY)


async def take_over(operation: Operation) -> None:
    """Durable: where this plan was begun by a button, the button's message names it; also if the bot died meanwhile."""

    async def point() -> None:
        key = await operation.services.operations.key_of(operation.number)
        if key.startswith(KEY):
            older = await operation.services.operations.get(int(key.removeprefix(KEY)))
            await _point(operation.services, older, operation.record)

    await operation.step("take over", point)


async def _point(services: Services, older: Record, newer: Record) -> None:
    at = Posted(older.channel, older.message_ts or "")

    async def change() -> None:
        shown = await services.chat.read(at)
        link = await services.chat.permalink(Posted(newer.channel, newer.message_ts or ""))
        message = led_on(shown, head_of(newer), link) if shown else None
        if message:
            await services.chat.update(at, message)

    await patiently(change)


BUTTONS = (Button(PLAN_AGAIN, plan_again),)
