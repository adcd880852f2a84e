"""Socket Mode: envelopes pass the same checks as requests by HTTP."""

from __future__ import annotations

from time import time
from typing import TYPE_CHECKING

from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.adapter.socket_mode.async_internals import send_async_response
from slack_bolt.response import BoltResponse

from bot.inbound import shapes
from bot.inbound.metrics import ACKNOWLEDGED
from bot.inbound.refusals import RefusedError

if TYPE_CHECKING:
    from slack_bolt.async_app import AsyncApp
    from slack_sdk.socket_mode.aiohttp import SocketModeClient
    from slack_sdk.socket_mode.request import SocketModeRequest

    from bot.inbound.dispatch import Dispatch
    from bot.inbound.refusals import Refusals

SOCKET = "socket mode"  # in place of a path


class SocketMode(AsyncSocketModeHandler):
    """Connects to Slack, and passes what it sends to `dispatch`."""

    def __init__(self, app: AsyncApp, app_token: str, dispatch: Dispatch, refusals: Refusals) -> None:
        super().__init__(app, app_token, web_client=app.client)
        self._dispatch = dispatch
        self._refusals = refusals

    async def handle(self, client: SocketModeClient, req: SocketModeRequest) -> None:  # type: ignore[override]
        """Answer an envelope. One that is refused is acknowledged too: Slack would only send it again."""
        start = time()
        try:
            with ACKNOWLEDGED.time():
                answer = await self._dispatch(shapes.checked(req.payload))
        except RefusedError as error:
            self._refusals.note(SOCKET, error, "Slack")
            answer = BoltResponse(status=200, body="")
        await send_async_response(client, req, answer, start)
