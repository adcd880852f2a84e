"""HTTP: Slack's requests, checked before Bolt reads them; health and metrics."""

from __future__ import annotations

import hashlib
import hmac
import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from aiohttp import web
from slack_bolt.adapter.aiohttp import to_aiohttp_response

from bot.inbound import shapes
from bot.inbound.connections import Connections, authenticated
from bot.inbound.limits import affordable, raise_descriptors
from bot.inbound.listening import listen
from bot.inbound.metrics import ACKNOWLEDGED, Metrics, shared
from bot.inbound.peers import Peers
from bot.inbound.refusals import RefusedError
from bot.operations import attendance

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from contextlib import AsyncExitStack

    from bot.inbound.dispatch import Dispatch
    from bot.inbound.reception import Reception
    from bot.process.clock import Clock
    from bot.process.health import Health
    from bot.services import Services
    from bot.store.outbox import Backlog

    Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

PATH = "/slack/events"
log = logging.getLogger(__name__)
# Slack's own payloads stay far below (a view's state is the largest); anything larger is not from Slack.
LARGEST_BODY = 1 << 20
LARGEST_TIMESTAMP = 12
OLDEST = 300  # seconds; docs.slack.dev/authentication/verifying-requests-from-slack


def make() -> web.Application:
    """An HTTP application that answers /healthz."""
    application = web.Application()
    application.router.add_get("/healthz", _healthz)
    return application


def add_metrics(application: web.Application, services: Services, health: Health, *, private: bool = False) -> None:
    """Add /readyz and /metrics. At a `private` address metrics have the names of environments too."""
    application.router.add_get("/readyz", _readyz(services, health))
    application.router.add_get("/metrics", Metrics(services, health, by_queue=private).handle)


async def listen_for_metrics(
    stack: AsyncExitStack, services: Services, health: Health, address: tuple[str, int] | None
) -> None:
    """Serve /readyz and /metrics at an address of their own, where there is one: also of a process that only works."""
    if address is None:
        return
    application, (host, port) = make(), address
    add_metrics(application, services, health, private=True)
    await listen(stack, application, Connections(affordable(raise_descriptors()), Peers(())), host, port)
    log.info("listening on %s port %s for /readyz and /metrics", host, port)


def add_slack(
    application: web.Application, dispatch: Dispatch, services: Services, signing_secret: str, reception: Reception
) -> None:
    """Add /slack/events, which passes on what Slack signed."""

    async def handle(request: web.Request) -> web.Response:
        body = await reception.bodies.read(request, LARGEST_BODY)
        _check_signature(request.headers, body, signing_secret, services.chat.clock)
        authenticated(request)
        with ACKNOWLEDGED.time():
            answer = await dispatch(shapes.read(body, request.content_type))
        return await to_aiohttp_response(answer)

    application.router.add_post(PATH, reception.refusing(handle))


def _check_signature(headers: Mapping[str, str], body: bytes | bytearray, signing_secret: str, clock: Clock) -> None:
    """Raises RefusedError unless Slack signed the body (compared in constant time), and now, by the machine's clock."""
    timestamp, signature = headers.get("X-Slack-Request-Timestamp", ""), headers.get("X-Slack-Signature", "")
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= LARGEST_TIMESTAMP):
        raise RefusedError(401, "the request carries no valid timestamp", "signature")
    signed = b"v0:%s:%s" % (timestamp.encode(), body)
    expected = "v0=" + hmac.new(signing_secret.encode(), signed, hashlib.sha256).hexdigest()
    is_signed = hmac.compare_digest(expected.encode(), signature.encode(errors="surrogateescape"))
    if abs(age := clock.wall() - int(timestamp)) > OLDEST:
        words = "the request is too old, or a clock is wrong"
        if is_signed:  # by Slack: only then what it says about clocks is worth a line
            when = f"{abs(age):.0f} s {'before' if age > 0 else 'ahead of'} this machine's time"
            words = (
                f"Slack signed the request {when}: {clock.problem() or 'somebody sends it again, or a clock is wrong'}"
            )
        raise RefusedError(401, words, "signature")
    if not is_signed:
        raise RefusedError(401, "the request is not signed with this app's secret", "signature")


async def _healthz(_: web.Request) -> web.Response:
    return web.json_response({"status": "up"})


def _undelivered(backlog: Backlog) -> list[str]:
    if not backlog.count:
        return []
    since = datetime.fromtimestamp(backlog.since, UTC)
    what = f"undelivered messages: {backlog.count}, the oldest since {since:%Y-%m-%d %H:%M:%S} UTC"
    return [f"{what}. {backlog.error or 'They are being delivered'}"]


def _readyz(services: Services, health: Health) -> Handler:
    async def problems() -> list[str]:
        backlog = await services.outbox.backlog()
        return [*(await attendance.read(services)).problems(), *_undelivered(backlog)]

    read = shared(problems)

    async def handle(_: web.Request) -> web.Response:
        wrong = health.problems()
        try:
            reported = await read()
        except Exception:
            log.exception("not ready: the database does not answer")
            wrong = wrong or ("the database does not answer",)
        if wrong:
            return web.json_response({"status": "; ".join(wrong)}, status=503)
        # Degraded and still ready: this process answers Slack, and another one may be started for the work.
        reported = [*reported, *health.warnings()]
        degraded = {"status": "degraded", "problems": reported}
        return web.json_response(degraded if reported else {"status": "ready"})

    return handle
