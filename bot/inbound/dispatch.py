"""From a checked payload to what answers it: a command's own function, or Bolt."""

from __future__ import annotations

from typing import TYPE_CHECKING

from slack_bolt import BoltResponse
from slack_bolt.request.async_request import AsyncBoltRequest

from bot.inbound.shapes import Command

if TYPE_CHECKING:
    from collections.abc import Mapping

    from slack_bolt.async_app import AsyncApp

    from bot.inbound.commands import Answer
    from bot.inbound.installation import Installation
    from bot.inbound.shapes import Payload


class Dispatch:
    """Passes payloads of this installation to the `commands` that answer them, by their names, or to the Bolt app."""

    def __init__(self, app: AsyncApp, installation: Installation, commands: Mapping[str, Answer]) -> None:
        self._app = app
        self._installation = installation
        self._commands = commands

    async def __call__(self, payload: Payload) -> BoltResponse:
        """The answer. Raises RefusedError for a payload of another installation."""
        await self._installation.check(payload)
        if isinstance(payload.shape, Command) and (answer := self._commands.get(payload.shape.command)):
            return BoltResponse(status=200, body=await answer(payload.body) or "")
        # Bolt's mode for what is authenticated already and parsed: no header and no other field reaches it.
        return await self._app.async_dispatch(AsyncBoltRequest(body=payload.body, mode="socket_mode"))
