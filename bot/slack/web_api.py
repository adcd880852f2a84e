"""The only caller of Slack's libraries: methods of the Web API, uploads and response URLs; all that is sent passes the gate."""

from __future__ import annotations

import asyncio
import random
import re
from typing import TYPE_CHECKING, Any, cast

import aiohttp
from prometheus_client import Counter
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.http_retry.builtin_async_handlers import AsyncRateLimitErrorRetryHandler
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.webhook.async_client import AsyncWebhookClient
from yarl import URL

from bot.process.clock import Clock
from bot.slack import redacted as gate
from bot.slack.blocks import markup
from bot.slack.errors import NO_ANSWER, Verdict, verdict
from runners.stored import stored

if TYPE_CHECKING:
    from collections.abc import Callable

    from slack_sdk.http_retry.request import HttpRequest
    from slack_sdk.http_retry.response import HttpResponse
    from slack_sdk.http_retry.state import RetryState
    from slack_sdk.web.async_slack_response import AsyncSlackResponse

    from bot.redaction import Redactor

# SlackClientError beside SlackApiError: an upload whose bytes were refused raises SlackRequestError.
FAILURES = (SlackClientError, aiohttp.ClientError, OSError, TimeoutError)

# docs.slack.dev/interactivity/handling-user-interaction; the second is GovSlack's.
RESPONSE_HOSTS = frozenset({"hooks.slack.com", "hooks.slack-gov.com"})
RATE_LIMITED_TRIES = 10
# For /metrics, which registers them. The methods are those that this program calls.
CALLS = Counter(
    "signalbox_slack_calls",
    "Calls of Slack's Web API by result: ok, refused, no_answer.",
    ["method", "result"],
    registry=None,
)
LIMITED = Counter("signalbox_slack_rate_limited", "Calls that Slack answered with 429.", ["method"], registry=None)
FOREIGN = "not_used (it is not an address of Slack)"


@stored("chat-error")
class ChatError(Exception):
    """Slack refused a call, or did not answer it; `code` is Slack's error code ("channel_not_found")."""

    def __init__(self, method: str, code: str) -> None:
        super().__init__(method, code)
        self.method = method
        self.code = code

    def __str__(self) -> str:
        return f"Slack's {self.method} answered {self.code}"

    @property
    def verdict(self) -> Verdict:
        """What the code means for what was to be sent."""
        return verdict(self.code)

    @property
    def transient(self) -> bool:
        """Whether it passes by itself."""
        return self.verdict is Verdict.PASSES


class RateLimits(AsyncRateLimitErrorRetryHandler):
    """Repeats a call that was answered with 429 after Retry-After, and holds all calls of that method back as long."""

    def __init__(self) -> None:
        super().__init__(max_retry_count=RATE_LIMITED_TRIES)
        self._until: dict[str, float] = {}  # by method, in the loop's time
        self._listeners: dict[str, Callable[[float], None]] = {}

    def listen(self, method: str, limited: Callable[[float], None]) -> None:
        """Call `limited` with the seconds of each Retry-After of this method."""
        self._listeners[method] = limited

    async def passed(self, method: str) -> None:
        """Wait until the method may be called again."""
        while (pause := self._until.get(method, 0.0) - asyncio.get_running_loop().time()) > 0:  # noqa: ASYNC110  -- it may grow
            await asyncio.sleep(pause)

    async def prepare_for_next_attempt_async(
        self,
        *,
        state: RetryState,
        request: HttpRequest,
        response: HttpResponse | None = None,
        error: Exception | None = None,
    ) -> None:
        """Wait for as long as Slack says, as all calls of the method do."""
        if response is None:
            raise error or RuntimeError("a call without an answer is not repeated")
        state.next_attempt_requested = True
        values = next((value for name, value in response.headers.items() if name.lower() == "retry-after"), ["1"])
        seconds = float(values[0]) if values[0].isdecimal() else 1.0
        method = request.url.partition("?")[0].rpartition("/")[2]
        LIMITED.labels(method).inc()
        until = asyncio.get_running_loop().time() + seconds
        self._until[method] = max(self._until.get(method, 0.0), until)
        if method in self._listeners:
            self._listeners[method](seconds)
        await asyncio.sleep(seconds + random.random() / 10)  # noqa: S311  -- so that not all come at the same moment
        state.increment_current_attempt()


class WebApi:
    """Calls to Slack. `client` is shared with Bolt; `redact` is applied to all that is sent; `clock` learns Slack's time."""

    def __init__(self, client: AsyncWebClient, redact: Redactor, clock: Clock | None = None) -> None:
        self._client = client
        self._redact = redact
        self.clock = clock or Clock()
        handlers = [handler for handler in client.retry_handlers if isinstance(handler, RateLimits)]
        self.limits = handlers[0] if handlers else RateLimits()

    async def api(self, method: str, **arguments: Any) -> dict[str, Any]:
        """Call a method of the Web API with JSON arguments, redacted. Raises ChatError."""
        await self.limits.passed(method)
        try:
            answer = await self._call(method, json=self.outgoing(arguments))
        except FAILURES as error:
            raise ChatError(method, _code(error)) from error
        return cast("dict[str, Any]", answer.data)

    async def query(self, method: str, **arguments: Any) -> dict[str, Any]:
        """Call a method that reads; these take form fields only. Raises ChatError."""
        fields = {name: str(value).lower() if isinstance(value, bool) else value for name, value in arguments.items()}
        await self.limits.passed(method)
        try:
            answer = await self._call(method, data=fields)
        except FAILURES as error:
            raise ChatError(method, _code(error)) from error
        return cast("dict[str, Any]", answer.data)

    async def _call(self, method: str, **arguments: Any) -> AsyncSlackResponse:
        began = self.clock.elapsed()
        try:
            answer = await self._client.api_call(method, **arguments)
        except FAILURES as error:
            CALLS.labels(method, "no_answer" if _code(error).startswith(NO_ANSWER) else "refused").inc()
            if not isinstance(error, SlackApiError):
                raise
            self.clock.hear_slack(getattr(error.response, "headers", None) or {}, began)
            raise
        CALLS.labels(method, "ok").inc()
        self.clock.hear_slack(answer.headers, began)
        return answer

    async def scopes(self) -> frozenset[str]:
        """The scopes of the token, from the header X-OAuth-Scopes of an answer. Raises ChatError."""
        try:
            answer = await self._call("auth.test")
        except FAILURES as error:
            raise ChatError("auth.test", _code(error)) from error
        headers = {name.lower(): value for name, value in answer.headers.items()}
        return frozenset(scope.strip() for scope in str(headers.get("x-oauth-scopes", "")).split(",") if scope.strip())

    async def upload_file(self, channel: str, thread: str, *, filename: str, title: str, content: str) -> None:
        """Upload a text file into a thread, or without one into the channel, redacted. Raises ChatError."""
        try:
            await self._client.files_upload_v2(
                channel=channel,
                thread_ts=thread or None,
                filename=markup.plain(filename),
                title=markup.plain(markup.redacted(title, self._redact)),
                content=markup.plain(markup.redacted(content, self._redact)) or "(empty)",
            )
        except FAILURES as error:
            raise ChatError("files.upload", _code(error)) from error

    def is_of_slack(self, response_url: str) -> bool:
        """Whether this address is Slack's by HTTPS, or on the host and port of a SLACK_API_URL."""
        try:
            url, api = URL(response_url), URL(self._client.base_url)
        except ValueError:
            return False
        if url.user or url.password:
            return False
        if str(api) != AsyncWebClient.BASE_URL and url.scheme in {"http", "https"} and url.origin() == api.origin():
            return True
        return url.scheme == "https" and url.host in RESPONSE_HOSTS and url.port == 443

    async def send_response(self, response_url: str, content: dict[str, Any]) -> None:
        """Answer a click or command at its response URL, for that person alone, redacted. Raises ChatError."""
        cleaned = self.outgoing(content)
        try:
            answer = await AsyncWebhookClient(response_url).send(
                text=cleaned["text"], blocks=cleaned["blocks"], response_type="ephemeral", replace_original=False
            )
        except FAILURES as error:
            raise ChatError("response_url", _code(error)) from error
        if answer.status_code != 200:
            raise ChatError("response_url", _response_code(answer.status_code, answer.body))

    def redacted(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """The same arguments without secrets in the texts and addresses."""
        return gate.redacted(arguments, self._redact)

    def outgoing(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """The arguments as they leave for Slack: redacted, with no mention or link but the bot's own."""
        return gate.opened(self.redacted(arguments))


def make_client(token: str, base_url: str | None) -> AsyncWebClient:
    """Slack's client; it repeats a call that was answered with 429 after Retry-After, which holds for the method.

    It repeats none after a lost connection or a 5xx: the message may have been posted, so the caller checks first.
    """
    client = AsyncWebClient(token=token, timeout=20, base_url=base_url or AsyncWebClient.BASE_URL)
    client.retry_handlers = [RateLimits()]
    return client


def _response_code(status: int, body: str) -> str:
    """The error of a response URL, which answers with JSON or with the bare code; a 5xx passes."""
    named = re.search(r'"error"\s*:\s*"(\w+)"', body) or re.fullmatch(r"\s*([a-z_]+)\s*", body)
    if status < 500 and named:
        return f"{named[1]} (status {status})"
    return f"{NO_ANSWER if status >= 500 else 'status'} (status {status})"


def _code(error: Exception) -> str:
    if not isinstance(error, SlackApiError):
        return f"{NO_ANSWER} ({type(error).__name__})"
    # Slack's proxies answer 5xx in HTML; the client's data is no mapping then.
    data = getattr(error.response, "data", None)
    if not isinstance(data, dict) or "error" not in data:
        return f"{NO_ANSWER} that is JSON"
    messages = (data.get("response_metadata") or {}).get("messages") or []
    return " ".join([str(data["error"]), *map(str, messages[:3])])
