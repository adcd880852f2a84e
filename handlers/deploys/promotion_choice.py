"""Buttons of a promotion: open the pull requests, or deploy without them. The operation that waits finds what was chosen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot import requests
from bot.audit import Entry
from bot.blocks.promote import OPEN, SKIP
from bot.commands import Button
from bot.errors import UserError
from handlers.clicks import clicked
from handlers.deploys.promote import CHOICE, Event

if TYPE_CHECKING:
    from bot.commands import Click
    from bot.services import Services


async def open_pulls(services: Services, click: Click) -> None:
    """Let the pull requests be opened."""
    await _choose(services, click, Event.OPEN, "open pull requests")


async def skip(services: Services, click: Click) -> None:
    """Let the deploy go on without them."""
    await _choose(services, click, Event.SKIP, "deploy without promoting")


async def _choose(services: Services, click: Click, choice: Event, what: str) -> None:
    record = await clicked(services, click)
    await requests.check_may_use(services, click.user, what)
    if record.kind != "deploy" or record.status.ended:
        raise UserError(f"#{record.number} is over already; nothing changed.")
    await services.audit.record(Entry(click.user, what, record.environment, record.number))
    await services.operations.note(record.number, CHOICE, f"{choice} {click.user} {services.clock():.3f}")
    await services.engine.wake(record.number)


BUTTONS = (Button(OPEN, open_pulls), Button(SKIP, skip))
