"""A press on a button of an operation's message: which operation, and that it is this message's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.errors import UserError
from bot.operations import follow_ups

if TYPE_CHECKING:
    from bot.operations.registry import Click
    from bot.services import Services
    from bot.store.operations import Record

# Slack shows a message a moment before its address is written down: somebody quick may press its button in between.
LOOKS = 11
MOST_DIGITS = 9  # of an operation's number; the database takes no longer ones


async def clicked(services: Services, click: Click, number: str | None = None) -> Record:
    """The operation on whose message the button was pressed, by its number: the button's value, unless given.

    Raises UserError when it is another one's.
    """
    said = click.value if number is None else number
    try:
        known = said.isdecimal() and len(said) <= MOST_DIGITS
        record = await follow_ups.shown(services, int(said) if known else 0, LOOKS)
    except LookupError:
        raise UserError("I do not know this operation (any more).") from None
    if (click.channel, click.message_ts) != (record.channel, record.message_ts):
        raise UserError("This button does not belong to this message; nothing changed.")
    return record
