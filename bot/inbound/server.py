"""HTTP: Slack's requests, checked before Bolt reads them; health and metrics."""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from aiohttp import web
from prometheus_client import CollectorRegistry, Gauge, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from slack_bolt.adapter.aiohttp import to_aiohttp_response
from slack_bolt.request.async_request import AsyncBoltRequest

from bot.operations.dropped import DROPPED

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from slack_bolt.async_app import AsyncApp

    from bot.services import Services

    Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

log = logging.getLogger(__name__)
# Slack's own payloads stay far below (a view's state is the largest); anything larger is not from Slack.
LARGEST_BODY = 1 << 20
LARGEST_TIMESTAMP = 12
OLDEST = 300  # seconds; docs.slack.dev/authentication/verifying-requests-from-slack


def make(app: AsyncApp | None, services: Services, signing_secret: str) -> web.Application:
    """The HTTP application; without a Bolt app (Socket Mode) it serves health and metrics only."""
    application = web.Application(client_max_size=LARGEST_BODY)
    application.router.add_get("/healthz", _healthz)
    application.router.add_get("/readyz", _readyz(services))
    application.router.add_get("/metrics", _metrics(services))
    if app is not None:
        application.router.add_post("/slack/events", _slack_events(app, services, signing_secret))
    return application


def _slack_events(app: AsyncApp, services: Services, signing_secret: str) -> Handler:
    async def handle(request: web.Request) -> web.Response:
        # Bolt reads a body before it checks the signature, and raises on what is neither a form nor a JSON object.
        body = await request.read()
        problem = _not_from_slack(request.headers, body, signing_secret, services.clock())
        if problem:
            return web.json_response({"error": problem}, status=401)
        if not _is_readable(body, request.content_type):
            return web.json_response({"error": "the body is neither a form nor a JSON object"}, status=400)
        # Made of the checked text: the header may name an unknown encoding.
        checked = AsyncBoltRequest(body=body.decode(), query=request.query_string, headers=_lists(request.headers))
        answer = await app.async_dispatch(checked)
        return await to_aiohttp_response(answer)

    return handle


def _not_from_slack(headers: Mapping[str, str], body: bytes, signing_secret: str, now: float) -> str:
    timestamp, signature = headers.get("X-Slack-Request-Timestamp", ""), headers.get("X-Slack-Signature", "")
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= LARGEST_TIMESTAMP):
        return "the request carries no valid timestamp"
    if abs(now - int(timestamp)) > OLDEST:
        return "the request is too old, or a clock is wrong"
    signed = b"v0:%s:%s" % (timestamp.encode(), body)
    expected = "v0=" + hmac.new(signing_secret.encode(), signed, hashlib.sha256).hexdigest()
    same = hmac.compare_digest(expected.encode(), signature.encode(errors="surrogateescape"))
    return "" if same else "the request is not signed with this app's secret"


def _lists(headers: Mapping[str, str]) -> dict[str, str | Sequence[str]]:
    return {name: [value] for name, value in headers.items()}


def _is_readable(body: bytes, content_type: str) -> bool:
    """Whether Slack could have sent it: a JSON object, or a form whose field `payload`, if present, is a JSON object."""
    try:
        text = body.decode()
        if content_type != "application/json" and not text.startswith("{"):
            text = parse_qs(text, keep_blank_values=True).get("payload", ["{}"])[-1]
        return isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False


def _metrics(services: Services) -> Handler:
    registry = CollectorRegistry()
    operations = Gauge("signalbox_operations", "Operations by status.", ["status"], registry=registry)
    registry.register(DROPPED)

    async def handle(_: web.Request) -> web.Response:
        counts = await services.operations.counts()
        operations.clear()  # a status that no operation has any more
        for status, count in counts.items():
            operations.labels(status).set(count)
        return web.Response(body=generate_latest(registry), headers={"Content-Type": CONTENT_TYPE_PLAIN_0_0_4})

    return handle


async def _healthz(_: web.Request) -> web.Response:
    return web.json_response({"status": "up"})


def _readyz(services: Services) -> Handler:
    async def handle(_: web.Request) -> web.Response:
        try:
            await services.operations.recent(1)
        except Exception:
            log.exception("not ready: the database does not answer")
            return web.json_response({"status": "the database does not answer"}, status=503)
        return web.json_response({"status": "ready"})

    return handle
