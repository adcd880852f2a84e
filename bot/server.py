"""HTTP: Slack's requests, checked before Bolt sees them, and what a load balancer asks."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from aiohttp import web
from slack_bolt.adapter.aiohttp import to_aiohttp_response, to_bolt_request

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from slack_bolt.async_app import AsyncApp

    from bot.services import Services

    Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

log = logging.getLogger(__name__)
# Slack's own payloads stay far below (a view's state is the largest); anything larger is not from Slack.
LARGEST_BODY = 1 << 20
LARGEST_TIMESTAMP = 12


def make(app: AsyncApp | None, services: Services) -> web.Application:
    """The HTTP application; without a Bolt app (Socket Mode) it only tells how it is."""
    application = web.Application(client_max_size=LARGEST_BODY)
    application.router.add_get("/healthz", _healthz)
    application.router.add_get("/readyz", _readyz(services))
    application.router.add_get("/metrics", _metrics(services))
    if app is not None:
        application.router.add_post("/slack/events", _slack_events(app))
    return application


def _slack_events(app: AsyncApp) -> Handler:
    async def handle(request: web.Request) -> web.Response:
        # slack_sdk turns the timestamp into a number without asking; what is none is refused before it gets there.
        timestamp = request.headers.get("X-Slack-Request-Timestamp", "")
        if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= LARGEST_TIMESTAMP):
            return web.json_response({"error": "the request carries no valid timestamp"}, status=401)
        if not request.headers.get("X-Slack-Signature", "").startswith("v0="):
            return web.json_response({"error": "the request is not signed"}, status=401)
        answer = await app.async_dispatch(await to_bolt_request(request))
        return await to_aiohttp_response(answer)

    return handle


def _metrics(services: Services) -> Handler:
    async def handle(_: web.Request) -> web.Response:
        # Prometheus's text format 0.0.4; statuses are our own words, so nothing in it needs escaping.
        counts = await services.operations.counts()
        lines = [
            "# HELP signalbox_operations Operations by how they stand.",
            "# TYPE signalbox_operations gauge",
            *(f'signalbox_operations{{status="{status}"}} {count}' for status, count in sorted(counts.items())),
        ]
        return web.Response(text="\n".join(lines) + "\n", headers={"Content-Type": "text/plain; version=0.0.4"})

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
