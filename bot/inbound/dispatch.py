"""From a checked payload to Bolt."""

from __future__ import annotations

from typing import TYPE_CHECKING

from slack_bolt.request.async_request import AsyncBoltRequest

if TYPE_CHECKING:
    from slack_bolt.async_app import AsyncApp
    from slack_bolt.response import BoltResponse

    from bot.inbound.installation import Installation
    from bot.inbound.shapes import Payload


class Dispatch:
    """Passes payloads of this installation to the Bolt app."""

    def __init__(self, app: AsyncApp, installation: Installation) -> None:
        self._app = app
        self._installation = installation

    async def __call__(self, payload: Payload) -> BoltResponse:
        """Bolt's answer. Raises RefusedError for a payload of another installation."""
        await self._installation.check(payload)
        # Bolt's mode for what is authenticated already and parsed: no header and no other field reaches it.
        return await self._app.async_dispatch(AsyncBoltRequest(body=payload.body, mode="socket_mode"))
