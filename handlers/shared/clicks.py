"""What buttons share: the operation on whose message a button was clicked, and what a button begins at most once."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from bot.errors import UserError
from bot.operations import follow_ups, requests
from bot.operations.notices import end_marker
from bot.slack.client import Posted
from handlers.shared import permissions
from runners import phrases

if TYPE_CHECKING:
    from bot.operations.registry import Click, FollowUp
    from bot.operations.requests import OperationRequest
    from bot.services import Services
    from bot.slack.blocks.kit import Message
    from bot.store.operations import Record

# A quick click may come between Slack's display of a message and the moment at which its address is stored.
ATTEMPTS = 11
UNKNOWN = "I do not know this operation (any more)."  # also to somebody who may not see it
MOST_DIGITS = 9  # of an operation's number; the database's integers have no more


def listed_key(click: Click) -> str:
    """The key of the request that a click on a button of a list makes: Slack's trigger is another for each click."""
    return f"listed-{hashlib.sha256(f'{click.trigger_id} {click.value}'.encode()).hexdigest()[:32]}"


async def clicked(services: Services, click: Click, number: str | None = None) -> Record:
    """The operation on whose message the button was clicked; its number is the button's value, unless given.

    Raises UserError when the message belongs to another operation, and ForgedError when its request does not verify.
    """
    record = await recorded(services, click.value if number is None else number)
    if (click.channel, click.message_ts) != (record.channel, record.message_ts):
        raise UserError("This button does not belong to this message; nothing changed.")
    return record


async def recorded(services: Services, number: str) -> Record:
    """The operation of this number. Raises UserError for one that is unknown or too old, and ForgedError."""
    try:
        is_number = number.isdecimal() and len(number) <= MOST_DIGITS
        await follow_ups.wait_for_message(services, int(number) if is_number else 0, ATTEMPTS)
        record = await services.operations.verified(int(number))
    except LookupError:
        raise UserError(UNKNOWN) from None
    _check_recent(services, record)
    return record


async def end_notice(services: Services, record: Record, click: Click) -> tuple[Posted, Message]:
    """The notice whose button was pressed. Raises UserError where it is not that of the operation's end."""
    marked = await services.chat.marked_messages(Posted(record.channel, record.message_ts or ""))
    at, notice = marked.get(end_marker(record.number), (None, None))
    if at is None or notice is None or (at.channel, at.ts) != (click.channel, click.message_ts):
        raise UserError("This button does not belong to this message; nothing changed.")
    return at, notice


def _check_recent(services: Services, record: Record) -> None:
    """Raises UserError where what the button needs may have been deleted (handlers/infra/retention.py)."""
    if record.ended_at is None:
        return
    retention = services.config.operations.retention
    if services.clock() - record.ended_at > retention.total_seconds():
        raise UserError(
            f"#{record.number} ended more than {phrases.counted(retention.days, 'day')} ago, and what this button needs "
            "was deleted (operations.retention). Nothing changed. Run the command again."
        )


async def start_follow_up(
    services: Services,
    follow_up: FollowUp,
    older: Record,
    request: OperationRequest,
    *,
    begun: str,
    attempt: str = "",
    part: str = "",
) -> None:
    """Begin what a button on the message of the operation `older` begins, and name it in the button's place.

    The request has the follow-up's key. `begun` begins the UserError ("The retry was begun") when it has begun already;
    `attempt` is what the audit log records of a refused click, by default the follow-up's words.
    """
    await check_not_begun(services, request.key, begun)
    refused = permissions.attempt_on(older, request.user, attempt or follow_up.words)
    await requests.start(services, request, refused, typed=False)
    await follow_ups.link_started(services, follow_up, older, part)


async def check_not_begun(services: Services, key: str, begun: str) -> None:
    """Raises UserError, which begins with `begun`, when an operation has begun from this key."""
    if newer := await services.operations.started_by(key):
        raise UserError(f"{begun} from this message already: it is #{newer.number}.")
