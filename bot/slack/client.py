"""The only caller of Slack's Web API: everything that leaves for Slack is redacted, paced and retried here."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self, cast

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.http_retry.builtin_async_handlers import AsyncRateLimitErrorRetryHandler
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.webhook.async_client import AsyncWebhookClient

from bot.slack.blocks.kit import Message
from bot.slack.pacing import Pace
from runners.stored import stored

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from bot.redaction import Redactor
    from bot.slack.blocks.kit import Block

log = logging.getLogger(__name__)

MARK = "signalbox_operation"  # the event type of the metadata that tells our messages apart
# Slack: about one message a second in a channel; chat.update is tier 3, 50 a minute for the whole workspace.
POST_INTERVAL = 1.05
UPDATE_INTERVAL = 1.3
HISTORY_PAGE = 100
NO_ANSWER = "no_answer"
# SlackClientError beside SlackApiError: an upload whose bytes were not taken raises SlackRequestError.
FAILURES = (SlackClientError, aiohttp.ClientError, OSError, TimeoutError)
# What passes by itself (docs.slack.dev, the errors common to all methods); trying again later may help.
TRANSIENT = (NO_ANSWER, "ratelimited", "internal_error", "fatal_error", "service_unavailable", "request_timeout")


@stored("chat-error")
class ChatError(Exception):
    """Slack refused or could not be reached; `code` is Slack's own word for it ("channel_not_found")."""

    def __init__(self, method: str, code: str) -> None:
        super().__init__(method, code)
        self.method = method
        self.code = code

    def __str__(self) -> str:
        return f"Slack's {self.method} answered {self.code}"

    @property
    def transient(self) -> bool:
        """Whether trying again later may help."""
        return self.code.startswith(TRANSIENT)


@stored("posted-message")
@dataclass(frozen=True, slots=True)
class Posted:
    """Where a message is."""

    channel: str
    ts: str


class Chat:
    """Slack, as the bot sees it. `client` is shared with Bolt; `redact` is applied to all that leaves."""

    def __init__(self, client: AsyncWebClient, redact: Redactor) -> None:
        self._client = client
        self._redact = redact
        self._posts: dict[str, Pace] = {}
        self._updates = Pace(UPDATE_INTERVAL)
        self._channels: dict[str, str] = {}

    async def api(self, method: str, **arguments: Any) -> dict[str, Any]:
        """Call a method of the Web API; every string in it is redacted. Raises ChatError."""
        cleaned = cast("dict[str, Any]", self._redact.deep(arguments))
        try:
            answer = await self._client.api_call(method, json=cleaned)
        except FAILURES as error:
            raise ChatError(method, _code(error)) from error
        return cast("dict[str, Any]", answer.data)

    async def query(self, method: str, **arguments: Any) -> dict[str, Any]:
        """Call one of the reading methods, which take form fields only. Raises ChatError."""
        fields = {name: str(value).lower() if isinstance(value, bool) else value for name, value in arguments.items()}
        try:
            answer = await self._client.api_call(method, data=fields)
        except FAILURES as error:
            raise ChatError(method, _code(error)) from error
        return cast("dict[str, Any]", answer.data)

    async def scopes(self) -> frozenset[str]:
        """What the token may do, as Slack says with every answer (header X-OAuth-Scopes). Raises ChatError."""
        try:
            answer = await self._client.auth_test()
        except FAILURES as error:
            raise ChatError("auth.test", _code(error)) from error
        headers = {name.lower(): value for name, value in answer.headers.items()}
        return frozenset(scope.strip() for scope in str(headers.get("x-oauth-scopes", "")).split(",") if scope.strip())

    async def post(self, channel: str, message: Message, *, thread: str | None = None, mark: str = "") -> Posted:
        """Post a message; `mark` is kept in its metadata so that it can be found again after a crash."""
        try:
            return await self._post(channel, message, thread, mark)
        except ChatError as error:
            if error.code != "not_in_channel":
                raise
            # A public channel that the configuration names may be joined; into a private one somebody must invite us.
            await self.api("conversations.join", channel=channel)
            return await self._post(channel, message, thread, mark)

    async def _post(self, channel: str, message: Message, thread: str | None, mark: str) -> Posted:
        await self._posts.setdefault(channel, Pace(POST_INTERVAL, burst=1)).turn()
        where = {"thread_ts": thread} if thread else {}
        metadata = {"metadata": {"event_type": MARK, "event_payload": {"mark": mark}}} if mark else {}
        answer = await self.api(
            "chat.postMessage",
            channel=channel,
            **_content(message),
            unfurl_links=False,
            unfurl_media=False,
            **where,
            **metadata,
        )
        return Posted(answer["channel"], answer["ts"])

    async def update(self, at: Posted, message: Message) -> None:
        """Change a message to its new state; waits its turn at Slack's pace."""
        await self._updates.turn()
        await self.api("chat.update", channel=at.channel, ts=at.ts, **_content(message))

    async def read(self, at: Posted) -> Message | None:
        """A message as Slack has it now; None when it is gone. Raises ChatError."""
        only = {"oldest": at.ts, "latest": at.ts, "inclusive": True, "limit": 1}
        answer = await self.query("conversations.history", channel=at.channel, **only)
        for message in answer["messages"]:
            return Message(str(message.get("text", "")), tuple(message.get("blocks") or ()))
        return None

    async def permalink(self, at: Posted) -> str:
        """The address of a message. Raises ChatError."""
        answer = await self.query("chat.getPermalink", channel=at.channel, message_ts=at.ts)
        return str(answer["permalink"])

    async def find(self, channel: str, mark: str, *, since: float, thread: str | None = None) -> Posted | None:
        """The message with this mark posted since then (Unix seconds), if there is one."""
        async for message in self._messages(channel, since, thread):
            metadata = message.get("metadata") or {}
            if metadata.get("event_type") == MARK and metadata.get("event_payload", {}).get("mark") == mark:
                return Posted(channel, message["ts"])
        return None

    async def marked(self, at: Posted) -> dict[str, tuple[Posted, Message]]:
        """The messages in a message's thread that carry a mark, by their marks. Raises ChatError."""
        found = {}
        async for message in self._messages(at.channel, 0.0, at.ts):
            metadata = message.get("metadata") or {}
            if metadata.get("event_type") == MARK:
                said = Message(str(message.get("text", "")), tuple(message.get("blocks") or ()))
                found[str(metadata.get("event_payload", {}).get("mark"))] = (Posted(at.channel, message["ts"]), said)
        return found

    async def has_file(self, at: Posted, filename: str) -> bool:
        """Whether a file of this name is in the thread of a message."""
        async for message in self._messages(at.channel, 0.0, at.ts):
            if any(file.get("name") == filename for file in message.get("files") or ()):
                return True
        return False

    async def _messages(self, channel: str, since: float, thread: str | None) -> AsyncIterator[dict[str, Any]]:
        cursor = ""
        method = "conversations.replies" if thread else "conversations.history"
        where: dict[str, Any] = {"ts": thread} if thread else {"oldest": f"{since:.6f}"}
        while True:
            answer = await self.query(
                method, channel=channel, include_all_metadata=True, limit=HISTORY_PAGE, cursor=cursor, **where
            )
            for message in answer["messages"]:
                yield message
            cursor = (answer.get("response_metadata") or {}).get("next_cursor", "")
            if not cursor:
                return

    async def upload(self, at: Posted, *, filename: str, title: str, content: str) -> None:
        """Put a text file into the thread of a message, redacted."""
        try:
            await self._client.files_upload_v2(
                channel=at.channel,
                thread_ts=at.ts,
                filename=filename,
                title=self._redact(title),
                content=self._redact(content) or "(empty)",
            )
        except FAILURES as error:
            raise ChatError("files.upload", _code(error)) from error

    async def tell(self, response_url: str, message: Message) -> None:
        """Answer only the person, by the address that came with their click or command."""
        cleaned = cast("dict[str, Any]", self._redact.deep(_content(message)))
        try:
            answer = await AsyncWebhookClient(response_url).send(
                text=cleaned["text"], blocks=cleaned["blocks"], response_type="ephemeral", replace_original=False
            )
        except FAILURES as error:
            raise ChatError("response_url", _code(error)) from error
        if answer.status_code != 200:
            raise ChatError("response_url", f"status {answer.status_code}")

    async def tell_in(self, channel: str, user: str, message: Message) -> None:
        """Show a message in a channel to one person only."""
        await self.api("chat.postEphemeral", channel=channel, user=user, **_content(message))

    async def open_view(self, trigger_id: str, view: Block) -> None:
        """Open a modal; the trigger is good for three seconds and once."""
        await self.api("views.open", trigger_id=trigger_id, view=view)

    async def publish_home(self, user: str, view: Block) -> None:
        """Show a person their Home tab."""
        await self.api("views.publish", user_id=user, view=view)

    async def channel_id(self, name: str) -> str:
        """The id of "#staging" (an id is its own answer); remembered while the bot runs. Raises ChatError."""
        if not name.startswith("#"):
            return name
        if name in self._channels:
            return self._channels[name]
        cursor = ""
        while True:
            answer = await self.query(
                "conversations.list",
                types="public_channel,private_channel",
                exclude_archived=True,
                limit=200,
                cursor=cursor,
            )
            self._channels |= {f"#{channel['name']}": channel["id"] for channel in answer["channels"]}
            cursor = (answer.get("response_metadata") or {}).get("next_cursor", "")
            if name in self._channels:
                return self._channels[name]
            if not cursor:
                raise ChatError("conversations.list", f"no channel {name} that I can see")

    def reply(self, message: Message) -> dict[str, Any]:
        """A message as the body of an answer to a command: redacted, for the person alone."""
        cleaned = cast("dict[str, Any]", self._redact.deep(_content(message)))
        return {**cleaned, "response_type": "ephemeral"}

    def live(self, at: Posted) -> Live:
        """A message whose states may come faster than Slack takes them."""
        return Live(self, at)


class Live:
    """Shows the newest state of one message at Slack's pace: states in between are skipped, the last one is not."""

    def __init__(self, chat: Chat, at: Posted) -> None:
        self._chat = chat
        self._at = at
        self._newest: Callable[[], Message] | None = None
        self._task: asyncio.Task[None] | None = None

    def show(self, render: Callable[[], Message]) -> None:
        """Show this as soon as Slack takes it, unless a newer state comes first."""
        self._newest = render
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._send())

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop; a state that is being sent is waited for, so that it cannot overwrite what comes next."""
        self._newest = None
        if self._task is not None:
            await self._task

    async def _send(self) -> None:
        while self._newest is not None:
            render, self._newest = self._newest, None
            try:
                await self._chat.update(self._at, render())
            except ChatError as error:
                # Progress may be missed; the durable step that follows shows the outcome, and retries.
                log.warning("progress was not shown: %s", error)


def make_client(token: str, base_url: str | None) -> AsyncWebClient:
    """Slack's client; a 429 is tried again after Retry-After.

    Lost connections and 5xx are not: a message may have been posted all the same, so the caller looks first.
    """
    client = AsyncWebClient(token=token, timeout=20, base_url=base_url or AsyncWebClient.BASE_URL)
    client.retry_handlers = [AsyncRateLimitErrorRetryHandler(max_retry_count=10)]
    return client


def _content(message: Message) -> dict[str, Any]:
    return {"text": message.text, "blocks": list(message.blocks)}


def _code(error: Exception) -> str:
    if not isinstance(error, SlackApiError):
        return f"{NO_ANSWER} ({type(error).__name__})"
    # Slack's proxies answer 5xx in HTML; what the client hands out then has other types.
    data = getattr(error.response, "data", None)
    if not isinstance(data, dict) or "error" not in data:
        return f"{NO_ANSWER} that is JSON"
    messages = (data.get("response_metadata") or {}).get("messages") or []
    return " ".join([str(data["error"]), *map(str, messages[:3])])
