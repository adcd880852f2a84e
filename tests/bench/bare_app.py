"""A Slack app that only checks the signature and acknowledges: the reference for the bot's speed.

`python -m tests.bench.bare_app PORT SLACK_API_URL TOKEN SIGNING_SECRET`, until SIGTERM.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from typing import TYPE_CHECKING, Any

from aiohttp import web
from slack_bolt.adapter.aiohttp import to_aiohttp_response, to_bolt_request
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


def application(client: AsyncWebClient, secret: str) -> web.Application:
    """The HTTP application around the app."""
    app = AsyncApp(client=client, signing_secret=secret)

    @app.command("/infra")
    async def _(ack: Callable[..., Awaitable[Any]]) -> None:
        await ack()

    async def events(request: web.Request) -> web.Response:
        return await to_aiohttp_response(await app.async_dispatch(await to_bolt_request(request)))

    async def ready(_: web.Request) -> web.Response:
        return web.Response(text="ready")

    made = web.Application()
    made.router.add_post("/slack/events", events)
    made.router.add_get("/readyz", ready)
    return made


async def serve(port: int, api_url: str, token: str, secret: str) -> None:
    """Serve until SIGTERM."""
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    runner = web.AppRunner(application(AsyncWebClient(token=token, base_url=api_url), secret), access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    await stopped.wait()
    await runner.cleanup()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), *sys.argv[2:5]))
