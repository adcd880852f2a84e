"""POST /hcp/notifications: HCP Terraform reports that a run changed, and the run's operation checks it at once."""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
from typing import TYPE_CHECKING

from aiohttp import web

from bot.inbound.connections import authenticated
from bot.inbound.refusals import RefusedError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from bot.inbound.reception import Reception
    from bot.services import Services

    Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

log = logging.getLogger(__name__)
PATH = "/hcp/notifications"
LARGEST_BODY = 1 << 20  # a notification names a run and its states: some kilobytes
SIGNATURE = "X-TFE-Notification-Signature"


def handler(services: Services, token: str, reception: Reception) -> Handler:
    """Receives notifications that are signed with `token`: a hint only, the run is read from HCP Terraform.

    The format: developer.hashicorp.com/terraform/cloud-docs/api-docs/notification-configurations.
    """

    async def handle(request: web.Request) -> web.StreamResponse:
        run = await notified(request)
        if run:
            await _wake(services, run)
        return web.json_response({})

    async def notified(request: web.Request) -> str | None:
        body = await reception.bodies.read(request, LARGEST_BODY)
        if not is_signed(body, request.headers.get(SIGNATURE, ""), token):
            raise RefusedError(401, "the request is not signed with our token", "signature")
        authenticated(request)
        try:
            return run_of(body)
        except ValueError as error:
            raise RefusedError(400, str(error), "shape") from None

    return reception.refusing(handle)


def is_signed(body: bytes | bytearray, signature: str, token: str) -> bool:
    """Whether the signature is the HMAC-SHA512 of the body, in hex digits; compared in constant time."""
    expected = hmac.new(token.encode(), body, hashlib.sha512).hexdigest()
    return hmac.compare_digest(expected.encode(), signature.encode(errors="surrogateescape"))


def run_of(body: bytes | bytearray) -> str | None:
    """The id of a notification's run; None for a verification and for other events.

    Raises ValueError, with a message for the sender, if it is not a notification.
    """
    try:
        payload = json.loads(body)
    except (ValueError, RecursionError):
        raise ValueError("the body is no JSON") from None
    if not isinstance(payload, dict):
        raise ValueError("the body is no object")  # noqa: TRY004 - the caller answers 400 to either
    run = payload.get("run_id")
    return run if isinstance(run, str) and run else None


async def _wake(services: Services, run: str) -> None:
    number = await services.run_claims.operation_of_hcp_run(run)
    if number is None:
        log.info("HCP Terraform reported %.40s, which belongs to no operation", run)
        return
    if services.hcp:
        services.hcp.notify(run)
    await services.engine.wake(number)
