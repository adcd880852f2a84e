"""Requests that come before the answer to another, and many large bodies: strangers cannot fill the memory with either."""

from __future__ import annotations

import asyncio
import gc
import tracemalloc
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import TYPE_CHECKING

import pytest
from aiohttp import web

from bot.inbound import server
from bot.inbound.bodies import SMALL
from bot.inbound.connections import Connections
from bot.inbound.github_webhooks import LARGEST_BODY, PATH, READ_AT_ONCE, SIGNATURE, Webhooks
from bot.inbound.limits import Limits
from bot.inbound.listening import listen
from bot.inbound.peers import Peers
from bot.inbound.reception import Reception
from sandbox.waiting import within

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

REQUEST = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
POST = b"POST /read HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc"
MANY = 20_000


@asynccontextmanager
async def serving() -> AsyncIterator[tuple[int, list[str]]]:
    """The port of a guarded server, and the paths of the requests that it answered."""
    answered: list[str] = []
    reception = Reception()

    @web.middleware
    async def noted(request: web.Request, handler: server.Handler) -> web.StreamResponse:
        answered.append(request.path)
        return await handler(request)

    async def read(request: web.Request) -> web.Response:
        return web.Response(body=await reception.bodies.read(request, 1 << 20))

    application = server.make()
    application.middlewares.append(noted)
    application.router.add_post("/read", reception.refusing(read))
    application.router.add_post(PATH, Webhooks("o/r", "secret", [], reception).handle)
    async with AsyncExitStack() as stack:
        listening = await listen(stack, application, Connections(Limits(), Peers()), "127.0.0.1", 0)
        yield listening.sockets[0].getsockname()[1], answered


@pytest.mark.parametrize("first", [REQUEST, POST], ids=["a request", "a request with a body"])
async def test_of_pipelined_requests_the_first_is_answered_at_most(first: bytes) -> None:
    async with serving() as (port, answered):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(first + REQUEST * MANY)
        with suppress(ConnectionError):
            await within(5.0, writer.drain())
            await within(5.0, reader.read())
        assert len(answered) <= 1


async def test_pipelined_requests_without_end_are_not_read() -> None:
    async with serving() as (port, answered):
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        sent = 0
        with suppress(ConnectionError):
            for sent in range(200):  # noqa: B007  -- read after the loop
                writer.write(REQUEST * 2_000)
                await within(5.0, writer.drain())
        assert sent < 199
        assert len(answered) <= 1


async def test_a_connection_takes_one_request_after_the_other() -> None:
    async with serving() as (port, answered):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for request in (REQUEST, POST) * 50:
            writer.write(request)
            head = await within(5.0, reader.readuntil(b"\r\n\r\n"))
            assert b" 200 " in head
            length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
            await reader.readexactly(int(length.partition(b":")[2]))
        assert len(answered) == 100
        writer.close()


async def test_large_webhooks_without_a_valid_signature_are_in_the_memory_one_after_the_other() -> None:
    """Also before a garbage collection: the traceback of a refusal must not keep a body."""
    head = (
        f"POST {PATH} HTTP/1.1\r\nHost: x\r\n{SIGNATURE}: sha256={'0' * 64}\r\nContent-Length: {LARGEST_BODY}\r\n\r\n"
    )
    piece = b"x" * (1 << 18)
    async with serving() as (port, _):

        async def attack() -> bytes:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(head.encode())
            for _ in range(LARGEST_BODY // len(piece)):
                writer.write(piece)
                await writer.drain()
            status = await reader.readline()
            writer.close()
            return status

        gc.disable()
        tracemalloc.start()
        try:
            answers = await within(60.0, asyncio.gather(*(attack() for _ in range(6))))
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
            gc.enable()
    assert all(b" 401 " in answer or b" 503 " in answer for answer in answers)
    assert peak < 2 * LARGEST_BODY


async def test_small_webhooks_do_not_wait_for_large_ones_that_do_not_come() -> None:
    async with serving() as (port, _):
        head = f"POST {PATH} HTTP/1.1\r\nHost: x\r\n{SIGNATURE}: sha256={'0' * 64}\r\nContent-Length: ".encode()
        slow = [await asyncio.open_connection("127.0.0.1", port) for _ in range(2 * READ_AT_ONCE + 4)]
        for _, writer in slow:
            writer.write(head + b"%d\r\n\r\n" % (SMALL + 1))
        await asyncio.sleep(0.2)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(head + b"2\r\n\r\n{}")
        assert b" 401 " in await within(3.0, reader.readline())
        for _, each in (*slow, (reader, writer)):
            each.close()
