"""Messages and channels: what the bot posts to Slack and reads there, at Slack's pace. Modals: views.py."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from bot.slack.blocks.common import APPROVE
from bot.slack.blocks.kit import Message
from bot.slack.blocks.plain import simpler_forms
from bot.slack.blocks.platform import adapted
from bot.slack.channel_ids import ChannelIds
from bot.slack.pacing import Lane, Pace
from bot.slack.redacted import received
from bot.slack.views import REFUSED_AS_IT_IS, Views
from bot.slack.web_api import FOREIGN, ChatError
from runners.stored import stored

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping

    from slack_sdk.web.async_client import AsyncWebClient

    from bot.process.clock import Clock
    from bot.redaction import Redactor
    from bot.slack.channel_ids import Channels

log = logging.getLogger(__name__)
T = TypeVar("T")

METADATA_TYPE = "signalbox_operation"  # the event type of our messages' metadata
# Slack: about one message a second in a channel; chat.update is tier 3, 50 a minute for the whole workspace: 6 + 60 / 1.4.
POST_INTERVAL = 1.2
UPDATE_INTERVAL = 1.4
UPDATE_BURST = 6
UPDATE_RESERVE = 4  # of the burst, which progress leaves to decisions
HISTORY_PAGE = 100
MOST_PERMALINKS = 5_000  # that are cached
NOT_FOUND = "channel_not_found"


@stored("posted-message")
@dataclass(frozen=True, slots=True)
class Posted:
    """The address of a message."""

    channel: str
    ts: str


class Chat(Views):
    """Slack for the rest of the bot. Every method raises ChatError."""

    def __init__(
        self,
        client: AsyncWebClient,
        redact: Redactor,
        clock: Clock | None = None,
        channels: Channels | None = None,
        *,
        blocks: Collection[str] = (),
    ) -> None:
        super().__init__(client, redact, clock)
        self._newer_blocks = blocks
        # Called directly before what is posted once: a process that waited for its turn may have lost its lease.
        self.check_lease: Callable[[], Awaitable[None]] = _hold_always
        self._posts: dict[str, Pace] = {}
        self._updates = Pace(UPDATE_INTERVAL, UPDATE_BURST, UPDATE_RESERVE)
        self.limits.listen("chat.update", self._updates.pause)
        self._ids = ChannelIds(channels)
        self._permalinks: dict[Posted, str] = {}
        self._confirming: asyncio.Task[None] | None = None
        self._listing = asyncio.Lock()  # commands that come together share one list, whose rate limit is low

    async def post(
        self, channel: str, message: Message, *, thread: str | None = None, marker: str = "", in_channel: bool = False
    ) -> Posted:
        """Post a message; its metadata holds `marker`, by which `find` finds it after a crash.

        What belongs to a thread lets messages of the channel itself overtake, unless it is displayed `in_channel` too.
        With a marker: raises what `check_lease` raises.
        """
        where: dict[str, Any] = {"thread_ts": thread} if thread else {}
        where |= {"reply_broadcast": True} if thread and in_channel else {}
        try:
            return await self._as_member(channel, lambda: self._post(channel, message, where, marker))
        except ChatError as error:
            now = await self._replacement(channel) if error.code == NOT_FOUND and not thread else None
            if now is None:
                raise
            return await self._as_member(now, lambda: self._post(now, message, where, marker))

    async def _replacement(self, channel: str) -> str | None:
        """The channel that has the name of this one, which Slack does not know any more; None if there is none."""
        async with self._listing:
            name = await self._ids.forget(channel)
            try:
                return (await self._ids.id_of(name) or await self._look_up(name)) if name else None
            except ChatError:
                return None

    async def _as_member(self, channel: str, call: Callable[[], Awaitable[T]]) -> T:
        """Call Slack; where the bot has to be in the channel for that, join it first and call again."""
        try:
            return await call()
        except ChatError as error:
            if error.code != "not_in_channel":
                raise
            # The bot may join a public channel that the configuration names; into a private channel a person invites it.
            try:
                await self.api("conversations.join", channel=channel)
            except ChatError as not_joined:
                raise (not_joined if not_joined.transient else error) from not_joined
            return await call()

    async def _post(self, channel: str, message: Message, where: Mapping[str, Any], marker: str) -> Posted:
        only_in_thread = "thread_ts" in where and "reply_broadcast" not in where
        pace = self._posts.setdefault(channel, Pace(POST_INTERVAL, burst=1))
        await pace.turn(Lane.STATE if only_in_thread else Lane.DECISION)
        metadata = {"metadata": {"event_type": METADATA_TYPE, "event_payload": {"mark": marker}}} if marker else {}
        plain_links = {"unfurl_links": False, "unfurl_media": False}  # no foreign page is fetched and displayed
        if marker:
            await self.check_lease()
        answer = await self._say("chat.postMessage", message, channel=channel, **plain_links, **where, **metadata)
        return Posted(answer["channel"], answer["ts"])

    async def turn(self, lane: Lane) -> None:
        """Wait until a message may be changed, for who draws its newest state only then."""
        await self._updates.turn(lane)

    async def update(self, at: Posted, message: Message, lane: Lane | None = Lane.STATE) -> None:
        """Change a message to its new state, at Slack's pace; without a `lane` the caller has had its turn."""
        if lane is not None:
            await self._updates.turn(lane)
        await self._as_member(at.channel, lambda: self._say("chat.update", message, channel=at.channel, ts=at.ts))

    async def _say(self, method: str, message: Message, **arguments: Any) -> dict[str, Any]:
        """Call a method with a message; what Slack refuses for its content is said in simpler forms."""

        async def call(form: Message) -> dict[str, Any]:
            return await self.api(method, **_content(form), **arguments)

        return await self._in_some_form(method, message, call)

    async def _in_some_form(self, method: str, message: Message, call: Callable[[Message], Awaitable[T]]) -> T:
        # Redacted as a whole first: simpler forms cut the text, and half a secret is not recognized.
        content = self.redacted(_content(adapted(message, self._newer_blocks)))
        form = Message(content["text"], tuple(content["blocks"]))
        simpler = simpler_forms(form, APPROVE)
        while True:
            try:
                return await call(form)
            except ChatError as error:
                following = next(simpler, None) if error.verdict in REFUSED_AS_IT_IS else None
                if following is None:
                    raise
                log.error("%s of “%s” is refused: %s; trying it simpler", method, form.text[:60], error)  # noqa: TRY400
                form = following

    async def read(self, at: Posted) -> Message | None:
        """A message as Slack has it now; None if it was deleted."""
        only = {"oldest": at.ts, "latest": at.ts, "inclusive": True, "limit": 1}
        answer = await self.query("conversations.history", channel=at.channel, **only)
        for message in answer["messages"]:
            return _message(message)
        return None

    async def permalink(self, at: Posted) -> str:
        """The URL of a message, which stays the same."""
        if at not in self._permalinks:
            answer = await self.query("chat.getPermalink", channel=at.channel, message_ts=at.ts)
            self._permalinks[at] = str(answer["permalink"])
            while len(self._permalinks) > MOST_PERMALINKS:
                del self._permalinks[next(iter(self._permalinks))]
        return self._permalinks[at]

    async def find(self, channel: str, marker: str, *, since: float, thread: str | None = None) -> Posted | None:
        """The message with this marker that was posted since then, if any.

        `since` is in Unix seconds by the bot's clock. It is compared by Slack's own, whatever the machine's clock says.
        """
        async for message in self._messages(channel, self.clock.in_slack_time(since), thread):
            if _marker(message) == marker:
                return Posted(channel, message["ts"])
        return None

    async def marked_messages(self, at: Posted) -> dict[str, tuple[Posted, Message]]:
        """The messages with a marker in a message's thread, by their markers."""
        messages = {}
        async for message in self._messages(at.channel, 0.0, at.ts):
            if (marker := _marker(message)) is not None:
                messages[marker] = (Posted(at.channel, message["ts"]), _message(message))
        return messages

    async def has_file(self, at: Posted, filename: str) -> bool:
        """Whether a file of this name is in the thread of a message."""
        async for message in self._messages(at.channel, 0.0, at.ts):
            if any(file.get("name") == filename for file in message.get("files") or ()):
                return True
        return False

    async def _messages(self, channel: str, since: float, thread: str | None) -> AsyncIterator[Mapping[str, Any]]:
        method = "conversations.replies" if thread else "conversations.history"
        where: dict[str, Any] = {"ts": thread} if thread else {"oldest": f"{since:.6f}"}
        arguments = {"channel": channel, "include_all_metadata": True, "limit": HISTORY_PAGE, **where}
        async for answer in self._pages(method, arguments):
            for message in answer["messages"]:
                yield message

    async def _pages(self, method: str, arguments: Mapping[str, Any]) -> AsyncIterator[dict[str, Any]]:
        cursor = ""
        while True:
            answer = await self.query(method, cursor=cursor, **arguments)
            yield answer
            cursor = (answer.get("response_metadata") or {}).get("next_cursor", "")
            if not cursor:
                return

    async def upload(self, at: Posted, *, filename: str, title: str, content: str) -> None:
        """Upload a text file into the thread of a message, or without a `ts` into the channel. Raises also what `check_lease` raises."""
        await self.check_lease()
        await self.upload_file(at.channel, at.ts, filename=filename, title=title, content=content)

    async def respond(self, response_url: str, message: Message) -> None:
        """Answer a click or command for that person alone, at the URL that came with it, if that is Slack's."""
        if not self.is_of_slack(response_url):
            raise ChatError("response_url", FOREIGN)
        await self._in_some_form("response_url", message, lambda form: self.send_response(response_url, _content(form)))

    async def direct_messages(self, user: str) -> str:
        """The channel of the direct messages to this person."""
        return str((await self.api("conversations.open", users=user))["channel"]["id"])

    async def whisper(self, channel: str, user: str, message: Message, *, thread: str | None = None) -> None:
        """Post a message that only this member of the channel sees, perhaps in a thread; Slack keeps it until they reload."""
        where = {"channel": channel, "user": user} | ({"thread_ts": thread} if thread else {})
        await self._as_member(channel, lambda: self._say("chat.postEphemeral", message, **where))

    async def channel_id(self, name: str) -> str:
        """The id of "#staging" (an id is returned as it is), remembered also by later processes."""
        if not name.startswith("#"):
            return name
        async with self._listing:
            channel = await self._ids.id_of(name)
            if channel and self._ids.unconfirmed and self._confirming is None:
                self._confirming = asyncio.create_task(self._confirm())
            return channel or await self._look_up(name)

    async def _confirm(self) -> None:
        """Read once, in the background, which ids the channels have now that earlier processes knew."""
        try:
            async for listed in self._listed():
                await self._ids.learn(listed)
        except ChatError as error:
            log.warning("whether channels were renamed since the last start: %s", error)

    async def _listed(self) -> AsyncIterator[dict[str, str]]:
        arguments = {"types": "public_channel,private_channel", "exclude_archived": True, "limit": 200}
        async for answer in self._pages("conversations.list", arguments):
            yield {f"#{channel['name']}": str(channel["id"]) for channel in answer["channels"]}

    async def _look_up(self, name: str) -> str:
        async for listed in self._listed():
            await self._ids.learn(listed)
            if name in listed:
                return listed[name]
        raise ChatError("conversations.list", f"channel_not_found (no channel {name} that I can see)")

    def reply(self, message: Message) -> dict[str, Any]:
        """A message as the answer to a command: redacted, for the person alone."""
        return {**self.outgoing(_content(adapted(message, self._newer_blocks))), "response_type": "ephemeral"}


async def _hold_always() -> None:
    """Without a lease nobody loses it."""


def _content(message: Message) -> dict[str, Any]:
    return {"text": message.text, "blocks": list(message.blocks)}


def _message(payload: Mapping[str, Any]) -> Message:
    payload = received({key: payload[key] for key in ("text", "blocks") if payload.get(key)})
    return Message(str(payload.get("text", "")), tuple(payload.get("blocks") or ()))


def _marker(payload: Mapping[str, Any]) -> str | None:
    metadata = payload.get("metadata") or {}
    return str(metadata.get("event_payload", {}).get("mark")) if metadata.get("event_type") == METADATA_TYPE else None
