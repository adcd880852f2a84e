"""Delivers commands, interactions and events to the app over signed HTTP."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import aiohttp

from sandbox.slack.delivery import ANSWER_WITHIN, Answer, Outcome
from sandbox.slack.signing import sign
from sandbox.waiting import within

if TYPE_CHECKING:
    from sandbox.slack.backend import Backend

FORM = "application/x-www-form-urlencoded"


class HttpTransport:
    """Posts to the request URL `url`, signed, and waits three seconds."""

    def __init__(self, backend: Backend, url: str) -> None:
        self._backend = backend
        self.url = url
        self._session: aiohttp.ClientSession | None = None

    async def start(self) -> None:
        """Open the connection pool; no limit, since a burst must not queue here."""
        self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))

    async def stop(self) -> None:
        """Close the connection pool."""
        if self._session is not None:
            await self._session.close()

    async def command(self, fields: dict[str, str]) -> Answer:
        """A form whose fields are the command's."""
        return await self._post(urlencode(fields).encode(), FORM)

    async def interaction(self, payload: dict[str, Any]) -> Answer:
        """A form with one field, `payload`, which holds JSON."""
        return await self._post(urlencode({"payload": json.dumps(payload)}).encode(), FORM)

    async def event(self, payload: dict[str, Any], attempt: int) -> Answer:
        """A JSON body; a retry says so in its headers."""
        retry = {"X-Slack-Retry-Num": str(attempt), "X-Slack-Retry-Reason": "http_timeout"} if attempt else {}
        return await self._post(json.dumps(payload).encode(), "application/json", retry)

    async def _post(self, body: bytes, kind: str, headers: dict[str, str] | None = None) -> Answer:
        timestamp = str(int(self._backend.clock.now()))
        signature = sign(body, timestamp, self._backend.settings.signing_secret)
        signed = {"Content-Type": kind, "X-Slack-Request-Timestamp": timestamp, "X-Slack-Signature": signature}
        try:
            posting = self.post_raw(self.url, body, {**signed, **(headers or {})})
            return _answer(*await within(ANSWER_WITHIN, posting))
        except TimeoutError:
            return Answer(Outcome.TIMED_OUT)
        except aiohttp.ClientError:
            return Answer(Outcome.UNREACHABLE)

    async def post_raw(self, url: str, body: bytes, headers: dict[str, str]) -> tuple[int, str]:
        """Post just this, unsigned unless `headers` sign it: the status and the body that came back."""
        if self._session is None:
            raise RuntimeError("the Slack stand-in was not started")
        async with self._session.post(url, data=body, headers=headers, allow_redirects=False) as response:
            return response.status, await response.text()


def _answer(status: int, body: str) -> Answer:
    if status >= 500:
        return Answer(Outcome.SERVER_ERROR, status, body)
    if status != 200:
        return Answer(Outcome.CLIENT_ERROR, status, body)
    return _read(body)


def _read(body: str) -> Answer:
    """A 200 whose body is JSON, or plain text."""
    try:
        payload = json.loads(body) if body.lstrip().startswith("{") else None
    except ValueError:
        payload = None
    return Answer(Outcome.ANSWERED, 200, "" if payload is not None else body, payload)
