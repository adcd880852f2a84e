"""POST /github/webhooks: GitHub reports that a run changed, and the listeners get a hint."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import logging
import re
from collections import OrderedDict
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from aiohttp import web

from bot.inbound.bodies import SMALL, TIMEOUT, Bodies
from bot.inbound.connections import authenticated
from bot.inbound.refusals import RefusedError
from bot.operations import dropped
from runners.concurrency import run_blocking
from runners.github.runs.events import run_event_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from bot.inbound.reception import Reception
    from runners.github.runs.events import RunEvent

    Listener = Callable[[RunEvent], None]

log = logging.getLogger(__name__)
PATH = "/github/webhooks"
SIGNATURE = "X-Hub-Signature-256"
# docs.github.com/en/webhooks/webhook-events-and-payloads: "Payloads are capped at 25 MB."
LARGEST_BODY = 25 << 20
READ_AT_ONCE = 1  # large bodies; this bounds the memory that an unknown sender can make the bot use
LONG = 1 << 18  # bytes; a larger body is checked and parsed on a thread
REMEMBERED = 1_000  # deliveries
_SIGNED = re.compile(r"sha256=[0-9a-f]{64}")


class Webhooks:
    """Receives events of the `repositories` that are signed with `secret`, and passes them to the `listeners`.

    A listener takes an event as a hint only: deliveries get lost, come twice and in any order.
    """

    def __init__(
        self, repositories: Sequence[str], secret: str, listeners: Sequence[Listener], reception: Reception
    ) -> None:
        # As the configuration writes them: GitHub does not distinguish capitals in their names.
        self._repositories = {repository.casefold(): repository for repository in reversed(repositories)}
        self._secret = secret.encode()
        self._listeners = listeners
        self._refusals = reception.refusals
        self._reading = asyncio.Semaphore(READ_AT_ONCE)
        self._bodies = Bodies(READ_AT_ONCE * LARGEST_BODY)
        self._delivered: OrderedDict[str, None] = OrderedDict()

    async def handle(self, request: web.Request) -> web.Response:
        """Answer a delivery: 202 at once for every delivery of GitHub, whether or not it is needed."""
        event, delivery = request.headers.get("X-GitHub-Event", ""), request.headers.get("X-GitHub-Delivery", "")[:100]
        try:
            payload = await self._received(request)
            authenticated(request)
            status = self._take(event, delivery, payload)
        except RefusedError as error:
            return self._refusals.answer(request, error)
        return web.json_response({"status": status}, status=200 if event == "ping" else 202)

    async def _received(self, request: web.Request) -> Mapping[str, Any]:
        """The payload. A large body has its place until its signature is checked; a small one waits for nobody."""
        if request.content_length is not None and request.content_length <= SMALL:
            return await self._payload(request)
        try:
            async with asyncio.timeout(TIMEOUT):
                await self._reading.acquire()
        except TimeoutError:
            raise RefusedError(503, "too many large bodies come at once; try again", "memory") from None
        try:
            return await self._payload(request)
        finally:
            self._reading.release()

    async def _payload(self, request: web.Request) -> Mapping[str, Any]:
        signature, content_type = request.headers.get(SIGNATURE, ""), request.content_type
        body = await self._bodies.read(request, LARGEST_BODY)
        if len(body) < LONG:
            return payload_of(body, signature, content_type, self._secret)
        given = (body, signature, content_type, self._secret)
        try:
            return await run_blocking(payload_of, *given, timeout=TIMEOUT, doing="reading a webhook")
        finally:
            with suppress(BufferError):  # after a timeout the thread may still read it
                body.clear()  # the traceback of a refusal would keep it

    def _take(self, event: str, delivery: str, payload: Mapping[str, Any]) -> str:
        if event == "ping":
            log.info("GitHub's webhook is set up: its ping has come")
            return "pong"
        if delivery and delivery in self._delivered:
            return "known already"
        try:
            run_event = run_event_of(event, payload)
        except ValueError as error:
            raise RefusedError(400, str(error), "shape") from None
        status = self._notify(run_event) if run_event else "not needed"
        self._remember(delivery)
        return status

    def _notify(self, run_event: RunEvent) -> str:
        repository = self._repositories.get(run_event.repository.casefold())
        if repository is None:
            log.info("a webhook of %.140s is passed over: it is another repository", run_event.repository)
            return "another repository"
        for listener in self._listeners:
            try:
                listener(replace(run_event, repository=repository))
            except Exception as error:  # noqa: BLE001  -- a hint that one listener cannot take is none of the others' business
                dropped.count("GitHub's webhooks", f"an event of run {run_event.run_id}", error)
        return "taken"

    def _remember(self, delivery: str) -> None:
        self._delivered[delivery] = None
        while len(self._delivered) > REMEMBERED:
            self._delivered.popitem(last=False)


def payload_of(body: bytes | bytearray, signature: str, content_type: str, secret: bytes) -> Mapping[str, Any]:
    """The payload of a body that GitHub signed.

    Raises:
        RefusedError: it is not signed with the secret (compared in constant time), or not a payload.
    """
    if not signature:
        raise RefusedError(401, f"there is no {SIGNATURE}: give the webhook a secret", "signature")
    if not _SIGNED.fullmatch(signature):
        raise RefusedError(401, f"{SIGNATURE} is no signature", "signature")
    expected = "sha256=" + hmac.new(secret, body, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(expected, signature):
        raise RefusedError(401, "the body is not signed with our secret", "signature")
    try:
        return _decoded(body, content_type)
    except (ValueError, RecursionError):
        raise RefusedError(400, "the body holds no JSON object", "shape") from None


def _decoded(body: bytes | bytearray, content_type: str) -> Mapping[str, Any]:
    text: bytes | bytearray | str = body
    if content_type == "application/x-www-form-urlencoded":
        text = parse_qs(body.decode(), strict_parsing=True, max_num_fields=10).get("payload", [""])[0]
    elif content_type != "application/json":
        words = "the content type is neither application/json nor application/x-www-form-urlencoded"
        raise RefusedError(415, words, "shape")
    payload = json.loads(text)
    if not isinstance(payload, dict):
        raise ValueError("no object")  # noqa: TRY004 - the caller answers 400 to either
    return payload
