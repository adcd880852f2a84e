"""“Accept the new host key” under a deploy that was refused: by whoever may approve, kept in the trail."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot import policy
from bot.audit import Entry
from bot.blocks import hosts as drawing, replies
from bot.chat import Posted
from bot.commands import Button, Click
from bot.errors import Denied, UserError
from bot.patience import patiently
from handlers.clicks import clicked

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from bot.blocks.kit import Message
    from bot.operations import Record
    from bot.services import Services
    from runners.results import ChangedKey

NAMED = 6  # instances in the answer


async def accept(services: Services, click: Click) -> Message:
    """Trust the keys that this deploy has refused, if this person may approve; it is in the trail either way."""
    record = await clicked(services, click)
    await _check_may(services, record, click.user)

    def note(connection: Connection, accepted: Sequence[ChangedKey]) -> None:
        for one in accepted:
            detail = {"instance": one.instance_id, "before": one.known, "now": one.shown}
            entry = Entry(click.user, "host key accepted", record.environment, record.number, detail)
            services.audit.append(connection, entry)

    accepted = await services.host_keys.accept(record.number, click.user, note)
    if not accepted:
        raise UserError("These keys were accepted already, or a newer deploy has been shown yet others; look there.")
    names = ", ".join(one.instance_id for one in accepted[:NAMED])
    await _show_accepted(services, record, click.user, len(accepted))
    keys = "key" if len(accepted) == 1 else "keys"
    return replies.done(f"Accepted the new host {keys} of {names}. Run /deploy {record.environment} again.")


async def _show_accepted(services: Services, record: Record, user: str, count: int) -> None:
    at, accepted_at = Posted(record.channel, record.message_ts or ""), services.clock()

    async def change() -> None:
        shown = await services.chat.read(at)
        if shown:
            await services.chat.update(at, drawing.keys_accepted(shown, record.environment, user, count, accepted_at))

    await patiently(change)


async def _check_may(services: Services, record: Record, user: str) -> None:
    environment = policy.environment_of(services.config, record.environment)
    try:
        policy.check_may_approve(services.config, environment, await services.directory.person(user), requester="")
    except Denied as denied:
        detail = {"what": "accept a host key", "why": str(denied)}
        await services.audit.record(Entry(user, "click refused", record.environment, record.number, detail))
        raise


BUTTONS = (Button(drawing.ACCEPT_KEYS, accept),)
