"""What the handlers of all requests share before anything is authenticated: peers, bodies, refusals."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.inbound.bodies import Bodies
from bot.inbound.peers import Peers
from bot.inbound.refusals import Refusals, RefusedError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from aiohttp import web

    Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Reception:
    """Reads bodies and answers refusals, for requests that come by these proxies."""

    def __init__(self, peers: Peers | None = None) -> None:
        self.peers = peers or Peers()
        self.bodies = Bodies()
        self.refusals = Refusals(self.peers)

    def refusing(self, handle: Handler) -> Handler:
        """The handler, which answers in words when it raises RefusedError."""

        async def answer(request: web.Request) -> web.StreamResponse:
            try:
                return await handle(request)
            except RefusedError as error:
                return self.refusals.answer(request, error)

        return answer
