"""Listens for HTTP: each connection is guarded, and faults that strangers cause are logged at a limited rate."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from bot.inbound.connections import timed
from bot.inbound.limited_log import LimitedLog

if TYPE_CHECKING:
    from contextlib import AsyncExitStack

    from bot.inbound.connections import Connections

log = logging.getLogger(__name__)
SHUTDOWN = 5  # seconds for requests under way


class _NotHttp(logging.Filter):
    """Takes what is no HTTP out of aiohttp's log, where each such request has a traceback, and logs it in a line."""

    def __init__(self) -> None:
        super().__init__()
        self._limited = LimitedLog(log)

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        if not isinstance(error, HttpProcessingError):
            return True
        self._limited.warning("a request is no valid HTTP: %.200s", error.message)
        return False


def logger() -> logging.Logger:
    """The logger for aiohttp's server."""
    server_log = logging.getLogger("aiohttp.server")
    if not any(isinstance(present, _NotHttp) for present in server_log.filters):
        server_log.addFilter(_NotHttp())
    return server_log


async def listen(
    stack: AsyncExitStack, application: web.Application, connections: Connections, host: str | None, port: int
) -> asyncio.Server:
    """Serve the application at this address until the stack closes; all addresses of the machine without a host."""
    application.middlewares.insert(0, timed)
    runner = web.AppRunner(
        application,
        access_log=None,
        logger=logger(),
        shutdown_timeout=SHUTDOWN,
        # Nobody who calls the bot compresses: a body of 1 MB stays one of 1 MB.
        auto_decompress=False,
        lingering_time=connections.limits.headers,
    )
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    if runner.server is None:  # only before setup()
        raise RuntimeError("aiohttp's server is not set up")
    guarded, loop = connections.guarded(runner.server), asyncio.get_running_loop()
    server = await loop.create_server(guarded, host, port, backlog=connections.limits.backlog)
    stack.callback(server.close)
    return server
