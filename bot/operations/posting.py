"""An operation's message and what is posted into its thread: each once, even if the bot is killed meanwhile.

A message that is lost (deleted, or in a channel that takes nothing from the bot any more) is posted again: where it was,
else in `slack.channel`. The database names the current one.

What Slack does not take within seconds is stored (bot/store/outbox.py) and delivered when Slack is back (delivery.py), so that
no operation holds its environment only to display something.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

from bot.operations import outgoing
from bot.slack.blocks import kit
from bot.slack.client import Posted
from bot.slack.errors import Verdict
from bot.slack.pacing import Lane
from bot.slack.retry import with_retries
from bot.slack.web_api import ChatError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence

    from bot.operations.outgoing import TextFile
    from bot.services import Services
    from bot.slack.blocks.kit import Message
    from bot.store.operations import Record, Status

log = logging.getLogger(__name__)
POSTED_AGAIN = "posted again"  # an annotation: why the message is not the first one (mrkdwn)
QUICK = (1.0, 2.0, 5.0)  # seconds between tries, before a message is stored to be delivered later
LONGEST_PAUSE = 60.0  # seconds between tries of what an operation cannot do without
LOST = (Verdict.MESSAGE, Verdict.CHANNEL)
# Of a workspace that takes messages, but not this file.
FILE_CODES = (
    "storage_limit_reached",
    "file_uploads_disabled",
    "file_uploads_except_images_disabled",
    "file_type_not_allowed",
)
# Two changes of one message may both find that it is lost; it is posted again once.
_replacing: WeakValueDictionary[int, asyncio.Lock] = WeakValueDictionary()
# Two states of one message are sent one after the other, so that the older never overwrites the newer.
_changing: WeakValueDictionary[int, asyncio.Lock] = WeakValueDictionary()


async def post_announcement(services: Services, record: Record, message: Message, channel: str = "") -> Posted:
    """Post an operation's one message, or return the message that an earlier attempt posted. Raises ChatError.

    `channel` is another one than the operation's own, if that takes no message.
    """
    where, name = channel or record.channel, f"message in {channel}" if channel else "message"
    marker = f"{record.number}:{name}"
    first = await services.operations.begin_side_effect(record.number, name)
    posted = None if first else await _find(services, record, where, marker)
    at = posted or await services.chat.post(where, message, marker=marker)
    await services.operations.set_message(record.number, at.channel, at.ts)
    return at


def is_outage(refused: ChatError) -> bool:
    """Whether Slack takes the same later: it is away, or somebody has to renew the token or change a setting."""
    return refused.transient or (refused.verdict is Verdict.ACCESS and refused.code not in FILE_CODES)


async def until_taken(number: int, post: Callable[[], Coroutine[Any, Any, object]]) -> ChatError | None:
    """Post what an operation cannot do without, however long Slack is away; what Slack says if it never takes it."""
    pause = QUICK[0]
    while (refused := await with_retries(post, QUICK)) and is_outage(refused):
        log.error("operation %s waits, because Slack takes no message: %s", number, refused)
        await asyncio.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE)
    return refused


async def current(services: Services, number: int) -> Posted:
    """The operation's message as the database names it; without a `ts` if it has none."""
    record = await services.operations.get(number)
    return Posted(record.channel, record.message_ts or "")


async def deliver(services: Services, number: int, message: Message, *, until_displayed: bool = False) -> None:
    """Change an operation's message; a lost one is posted again. A silent operation has none to change.

    While Slack does not take it, it is stored, in place of an older state. `until_displayed`: also where Slack refuses it for
    another reason.
    """
    lane = Lane.DECISION if until_displayed else Lane.STATE
    if await services.outbox.replace(number, outgoing.MESSAGE, lane, outgoing.of_message(services, message)):
        return
    refused = await display(services, number, message, lane, QUICK)
    if not refused:
        return
    log.error("operation %s: its message does not display its state yet: %s", number, refused)
    if until_displayed or is_outage(refused):
        content = outgoing.of_message(services, message)
        await services.outbox.put(number, outgoing.MESSAGE, lane, content, str(refused))


async def display(
    services: Services, number: int, message: Message, lane: Lane, delays: Sequence[float]
) -> ChatError | None:
    """Change an operation's message now, with retries; what Slack says instead."""
    refused = await with_retries(lambda: _change(services, number, message, lane), delays)
    if refused and not refused.transient:
        refused = await with_retries(lambda: _replace(services, number, message), delays)
    return refused


async def deliver_once(services: Services, number: int, message: Message, status: Status | None = None) -> None:
    """The same for what has had its turn; without retries, and not while a state is undelivered. Raises ChatError.

    With a `status`: unless the operation has another one by now, which another message displays.
    """
    if await services.outbox.waits(number, outgoing.MESSAGE):
        return
    try:
        await _change(services, number, message, None, status)
    except ChatError as error:
        if error.verdict not in LOST:
            raise
        await _replace(services, number, message, status)


async def _change(
    services: Services,
    number: int,
    message: Message,
    lane: Lane | None = Lane.DECISION,
    status: Status | None = None,
) -> None:
    if lane is not None:
        await services.chat.turn(lane)
    async with _changing.setdefault(number, asyncio.Lock()):
        record = await services.operations.get(number)
        if record.message_ts and status in (None, record.status):
            at = Posted(record.channel, record.message_ts)
            await services.chat.update(at, await _with_reason(services, number, message), None)


async def _with_reason(services: Services, number: int, message: Message) -> Message:
    reasons = await services.annotations.values_of(number, POSTED_AGAIN)
    return kit.with_small_print(message, reasons[-1]) if reasons else message


async def _replace(services: Services, number: int, message: Message, status: Status | None = None) -> None:
    """Post the message again, once, in the first channel that takes it. Raises ChatError."""
    async with _replacing.setdefault(number, asyncio.Lock()):
        try:
            await _change(services, number, message, status=status)  # it may have been posted again meanwhile
        except ChatError as error:
            if error.transient:
                raise
            lost = error
        else:
            return
        record = await services.operations.get(number)
        for name in dict.fromkeys((record.channel, services.config.slack.channel)):
            try:
                channel = await services.chat.channel_id(name)  # by a list that Slack may refuse
                await _post_again(services, record, channel, message, lost)
            except ChatError as error:
                if error.transient:
                    raise
                log.error("operation %s: no message in %s: %s", number, name, error)  # noqa: TRY400
                lost = error
            else:
                return
        raise lost


async def _post_again(services: Services, record: Record, channel: str, message: Message, why: ChatError) -> None:
    # The names hold the lost message, so that each loss is made good once, also after a crash between these lines.
    name = f"message after {record.message_ts} in {channel}"[:80]
    marker = f"{record.number}:{name}"
    first = await services.operations.begin_side_effect(record.number, name)
    posted = None if first else await _find(services, record, channel, marker)
    reason = _reason(record, channel, why)
    at = posted or await services.chat.post(channel, kit.with_small_print(message, reason), marker=marker)
    log.warning("operation %s: its message is posted again in %s: %s", record.number, channel, why)
    await services.annotations.add(record.number, POSTED_AGAIN, reason)
    await services.operations.set_message(record.number, at.channel, at.ts)
    if posted:
        await _change(services, record.number, message)


async def _find(services: Services, record: Record, channel: str, marker: str) -> Posted | None:
    try:
        return await services.chat.find(channel, marker, since=record.created_at - 60)
    except ChatError as error:
        if error.verdict is not Verdict.CHANNEL:
            raise
        return None  # posting shows whether the bot can join the channel


def _reason(record: Record, channel: str, why: ChatError) -> str:
    """Why the message is where it is, in mrkdwn of at most 200 characters."""
    code = kit.code(why.code.partition(" ")[0])
    if channel != record.channel:
        return f"Posted here because {kit.channel(record.channel)} takes no message from Signalbox ({code})."
    if why.code == "message_not_found":
        return "Posted again because the earlier message was deleted."
    return f"Posted again because the earlier message cannot be changed ({code})."


async def post_in_thread(
    services: Services, record: Record, name: str, message: Message, *, in_channel: bool = False
) -> None:
    """Post into the thread of an operation's message, unless an earlier attempt did. Raises ChatError.

    What is `in_channel` is displayed in the channel too.
    """
    marker, at = f"{record.number}:{name}", await current(services, record.number)
    first = await services.operations.begin_side_effect(record.number, f"thread {name}"[:80])
    posted = None if first else await services.chat.find(at.channel, marker, since=record.created_at, thread=at.ts)
    if not posted:
        await services.chat.post(at.channel, message, thread=at.ts, marker=marker, in_channel=in_channel)


async def post_report(services: Services, record: Record, name: str, message: Message) -> None:
    """Post in `slack.channel` about an operation, unless an earlier attempt did. Raises ChatError."""
    channel = await services.chat.channel_id(services.config.slack.channel)
    await _post_once(services, record, name, message, (channel, f"report {name}"))


async def post_directly(services: Services, record: Record, name: str, message: Message, person: str) -> None:
    """Send a direct message about an operation to this person, unless an earlier attempt did. Raises ChatError."""
    channel = await services.chat.direct_messages(person)
    await _post_once(services, record, name, message, (channel, f"thread {name}"))


async def _post_once(services: Services, record: Record, name: str, message: Message, where: tuple[str, str]) -> None:
    """Post in another channel than the operation's own: the channel and the name of the side effect."""
    marker, (channel, effect) = f"{record.number}:{name}", where
    first = await services.operations.begin_side_effect(record.number, effect[:80])
    if first or not await services.chat.find(channel, marker, since=record.created_at - 60):
        await services.chat.post(channel, message, marker=marker)


async def attach_file(services: Services, record: Record, file: TextFile) -> None:
    """Upload a text file into the thread of an operation's message, unless an earlier attempt did. Raises ChatError."""
    at, name = await current(services, record.number), file.filename
    first = await services.operations.begin_side_effect(record.number, f"file {name}"[:80])
    if first or not await services.chat.has_file(at, name):
        await services.chat.upload(at, filename=name, title=file.title, content=file.content)
