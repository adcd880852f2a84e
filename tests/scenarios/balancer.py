"""A load balancer for tests: passes each request to the next process in turn, and to another one where none listens."""

from __future__ import annotations

import itertools
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from aiohttp import ClientConnectorError, ClientError, ClientSession, web

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

    # The port of a process, body and headers of a request; body and headers that the process gets.
    Rewrite = Callable[[int, bytes, Mapping[str, str]], tuple[bytes, Mapping[str, str]]]

DROPPED = ("Host", "Content-Length", "Transfer-Encoding", "Connection")  # of one connection, not of the request


class Balancer:
    """`served` has the port of the process that got each request, in order; `rewrite` changes requests for a process."""

    def __init__(self, ports: list[int], rewrite: Rewrite | None = None) -> None:
        self.ports = ports
        self._rewrite = rewrite or (lambda _, body, headers: (body, headers))
        self.served: list[int] = []
        self.url = ""
        self._turn = itertools.count()

    async def handle(self, request: web.Request) -> web.Response:
        """Pass the request on; 502 where the process ended before it answered, as balancers do."""
        body = await request.read()
        given = {name: value for name, value in request.headers.items() if name not in DROPPED}
        first = next(self._turn)
        async with ClientSession() as session:
            for port in (self.ports[(first + each) % len(self.ports)] for each in range(len(self.ports))):
                url = f"http://127.0.0.1:{port}{request.rel_url}"
                sent, headers = self._rewrite(port, body, given)
                try:
                    async with session.request(request.method, url, data=sent, headers=headers) as answer:
                        self.served.append(port)
                        kind = answer.headers.get("Content-Type", "text/plain")
                        content = await answer.read()
                        return web.Response(status=answer.status, body=content, headers={"Content-Type": kind})
                except ClientConnectorError:
                    continue  # nothing was sent to it
                except ClientError:
                    return web.Response(status=502, text="the process ended before it answered")
        return web.Response(status=503, text="no process listens")


@asynccontextmanager
async def balancing(ports: list[int], rewrite: Rewrite | None = None) -> AsyncIterator[Balancer]:
    """A balancer that listens until the block ends."""
    balancer = Balancer(ports, rewrite)
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", balancer.handle)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    balancer.url = f"http://{host}:{port}"
    try:
        yield balancer
    finally:
        await runner.cleanup()
