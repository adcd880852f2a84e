"""Server-sent events for the chat page: what changes, as it changes."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

from aiohttp import web

from sandbox.slack import page_json

if TYPE_CHECKING:
    from sandbox.slack.backend import Backend
    from sandbox.slack.bus import Happening
    from sandbox.slack.workspace import User

# Something passes at least this often (seconds), so that a page notices a lost connection.
HEARTBEAT = 15.0


class Events:
    """One stream for each open page."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._streams: set[asyncio.Task[Any] | None] = set()

    async def stream(self, request: web.Request, user: User) -> web.StreamResponse:
        """Send `user` everything that concerns them until the page goes away."""
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"})
        await response.prepare(request)
        await response.write(b": welcome\n\n")
        queue = self._backend.workspace.bus.subscribe()
        task = asyncio.current_task()
        self._streams.add(task)
        try:
            await self._show_open_modal(response, user)
            await self._pump(response, queue, user)
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            self._backend.workspace.bus.unsubscribe(queue)
            self._streams.discard(task)
        return response

    async def _show_open_modal(self, response: web.StreamResponse, user: User) -> None:
        """A page that was loaded anew, or was away, learns which modal is open."""
        view = self._backend.workspace.views.top(user.id)
        if view is not None:
            await self._send(response, "view", {"view": page_json.view(view)})

    async def _pump(self, response: web.StreamResponse, queue: asyncio.Queue[Happening], user: User) -> None:
        while True:
            try:
                async with asyncio.timeout(HEARTBEAT):
                    happening = await queue.get()
            except TimeoutError:
                await response.write(b": still here\n\n")
                continue
            if happening.user in {None, user.id}:
                await self._send(response, happening.name, self._data(happening))

    @staticmethod
    async def _send(response: web.StreamResponse, name: str, data: dict[str, Any]) -> None:
        await response.write(f"event: {name}\ndata: {json.dumps(data)}\n\n".encode())

    def _data(self, happening: Happening) -> dict[str, Any]:
        if happening.message is None:
            return {"view": page_json.view(happening.view)}
        if happening.name == "deleted":
            return {"channel": happening.channel, "ts": happening.message.ts}
        return {
            "channel": happening.channel,
            "message": page_json.message(self._backend, happening.message),
        }

    async def close(self, _: web.Application) -> None:
        """End every stream, so that the server can stop at once."""
        for task in self._streams:
            if task is not None:
                task.cancel()
