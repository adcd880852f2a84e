"""Thousands of connections that send nothing, or a byte each second: the bot answers everybody else."""

from __future__ import annotations

import asyncio
import resource
import sys
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import aiohttp
import pytest
from aiohttp import web
from hypothesis import given, strategies as st

from bot.inbound import limits as module, server
from bot.inbound.connections import Connections, authenticated
from bot.inbound.limits import ACCEPT_ERROR, DESCRIPTORS, Limits, affordable, limit_accept_errors
from bot.inbound.listening import listen
from bot.inbound.peers import LOOPBACK, Peers, counted_as
from bot.inbound.reception import Reception
from sandbox.waiting import within
from sandbox.world import Options, World

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
    Open = Callable[..., Awaitable[Streams]]

IDLE, SLOW = 5_000, 200
MOST_MEMORY = 300 << 20
ATTACKER = Path(__file__).parent / "many_connections.py"
QUICK = Limits(connections=4, by_peer=2, headers=0.3, keepalive=0.3, answer=5)


@pytest.mark.slow("5,200 connections to a real bot that has to be started")
@pytest.mark.skipif(resource.getrlimit(resource.RLIMIT_NOFILE)[1] < 2 * IDLE, reason="needs 10,000 descriptors")
async def test_a_bot_under_thousands_of_connections_works() -> None:
    strangers = {"TRUSTED_PROXIES": "none"}
    async with World(Options(without_aws=True, speed=60, environment=strangers)) as world, attacked(world.bot.port):
        await world.person("ana").type("#dev", "/deploy dev main")
        for _ in range(5):
            assert await within(1.0, healthy(world.bot.port))
        reply = await world.person("ana").type("#dev", "/infra help")
        assert reply.ok
        await world.channel("#dev").wait_for(lambda message: ": deployed " in message.rendered, timeout=60)
        assert most_memory(world.bot.pid) < MOST_MEMORY
        log = world.bot.log.read_text()
        assert "Traceback" not in log
        assert log.count("a connection of") < 20


@asynccontextmanager
async def attacked(port: int) -> AsyncIterator[None]:
    """The time in which strangers hold all of these connections; afterwards most are closed."""
    pipe = asyncio.subprocess.PIPE
    arguments = (sys.executable, str(ATTACKER), str(port), str(IDLE), str(SLOW))
    attacker = await asyncio.create_subprocess_exec(*arguments, stdin=pipe, stdout=pipe)
    assert attacker.stdout
    try:
        assert await within(30.0, attacker.stdout.readline()) == b"open\n"
        yield
        remaining, _ = await within(30.0, attacker.communicate(b""))
        assert int(remaining) <= module.MOST_CONNECTIONS
    finally:
        if attacker.returncode is None:
            attacker.kill()
            await attacker.wait()


async def healthy(port: int) -> bool:
    async with aiohttp.request("GET", f"http://127.0.0.1:{port}/healthz") as answer:
        return answer.status == 200


def most_memory(pid: int) -> int:
    """The largest resident memory that this process had, in bytes."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) << 10 for line in lines if line.startswith("VmHWM"))


@asynccontextmanager
async def serving(limits: Limits = QUICK, *proxies: str) -> AsyncIterator[tuple[Open, Connections]]:
    """A guarded server: /read reads a body, /signed takes it as signed and waits."""
    reception = Reception()
    waiting = asyncio.Event()

    async def read(request: web.Request) -> web.Response:
        return web.Response(body=await reception.bodies.read(request, 1 << 20))

    async def signed(request: web.Request) -> web.Response:
        authenticated(request)
        await waiting.wait()
        return web.Response(text="done")

    application = server.make()
    application.router.add_post("/read", reception.refusing(read))
    application.router.add_post("/signed", signed)
    async with AsyncExitStack() as stack:
        connections = Connections(limits, Peers(proxies))
        listening = await listen(stack, application, connections, "127.0.0.1", 0)
        port = listening.sockets[0].getsockname()[1]

        async def opened(peer: int = 2) -> Streams:
            reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(f"127.0.0.{peer}", 0))
            stack.callback(writer.close)
            return reader, writer

        yield opened, connections
        waiting.set()


async def closed(reader: asyncio.StreamReader) -> bool:
    """Whether the server has closed the connection without an answer."""
    try:
        return await within(5.0, reader.read()) == b""
    except ConnectionError:
        return True


@pytest.mark.parametrize("start", [b"", b"GET /heal", b"GET /healthz HTTP/1.1\r\nHost: x\r\nA: b\r\n"])
async def test_headers_that_do_not_come_close_the_connection(start: bytes) -> None:
    async with serving() as (opened, _):
        reader, writer = await opened()
        writer.write(start)
        assert await closed(reader)


async def test_a_byte_now_and_then_does_not_prolong_the_time_of_headers() -> None:
    async with serving() as (opened, _):
        reader, writer = await opened()
        ended = asyncio.ensure_future(closed(reader))
        for byte in b"GET /healthz HTTP/1.1\r\n" * 100:
            if ended.done():
                break
            writer.write(bytes([byte]))
            await asyncio.sleep(0.05)
        assert ended.done()
        assert await ended


async def test_a_connection_that_is_kept_alive_is_closed_in_time() -> None:
    async with serving() as (opened, _):
        reader, writer = await opened()
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b"200 OK" in await within(5.0, reader.read())  # until it is closed


async def test_a_body_that_does_not_come_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.inbound.bodies.TIMEOUT", 0.2)
    async with serving() as (opened, _):
        reader, writer = await opened()
        writer.write(b"POST /read HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabc")
        assert b" 408 " in await within(5.0, reader.readline())


async def test_headers_without_end_are_not_kept() -> None:
    async with serving() as (opened, _):
        reader, writer = await opened()
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\n" + b"X-Header: y\r\n" * 100_000)
        with suppress(ConnectionError):
            answer = await within(5.0, reader.read())
            assert not answer or b" 400 " in answer


@pytest.mark.parametrize("peers", [[2] * 3, [2, 3, 4, 5, 6]], ids=["of one peer", "of many peers"])
async def test_one_connection_too_many_closes_the_oldest(peers: list[int]) -> None:
    async with serving(Limits(connections=4, by_peer=2)) as (opened, _):
        connections = [await opened(peer) for peer in peers]
        assert await closed(connections[0][0])
        reader, writer = connections[-1]
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b"200 OK" in await within(5.0, reader.readline())


async def test_a_signed_request_is_not_closed_for_strangers() -> None:
    async with serving(Limits(connections=2, by_peer=2)) as (opened, _):
        reader, writer = await opened()
        writer.write(b"POST /signed HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
        await asyncio.sleep(0.1)
        strangers = [await opened(peer) for peer in range(2, 8)]
        assert await closed(strangers[0][0])
        await asyncio.sleep(0.1)
        assert not reader.at_eof()


async def test_a_proxy_may_have_more_connections_than_a_stranger() -> None:
    async with serving(Limits(connections=10, by_peer=2), *LOOPBACK) as (opened, connections):
        opened_here = [await opened() for _ in range(8)]
        await asyncio.sleep(0.1)
        assert not any(reader.at_eof() for reader, _ in opened_here)
        assert len(connections._all) == 8


async def test_what_is_closed_is_not_counted_any_more() -> None:
    async with serving(Limits(connections=50, by_peer=50)) as (opened, connections):
        for _ in range(3):
            some = [await opened(peer) for peer in range(2, 12)]
            for reader, writer in some:
                writer.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                await reader.read()
                writer.close()
        await asyncio.sleep(0.1)
        assert (connections._all, connections._strangers, connections._by_peer) == (set(), {}, {})


async def test_what_is_no_http_is_a_line_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    async with serving() as (opened, _):
        for garbage in (
            b"\x16\x03\x01\x02\x00\x01\x00",
            b"GET / HTTP/9.9\r\n\r\n",
            b"GET /\x00 HTTP/1.1\r\nA\r\n\r\n",
        ) * 5:
            reader, writer = await opened()
            writer.write(garbage)
            await closed(reader)
    assert "Traceback" not in caplog.text
    assert 0 < caplog.text.count("no valid HTTP") <= 5


@given(st.integers(64, 1 << 20))
def test_descriptors_are_kept_back(descriptors: int) -> None:
    limits = affordable(descriptors)
    in_use = limits.connections + 3 * limits.backlog
    assert limits.connections >= 16
    assert in_use <= descriptors * 2 // 3 or descriptors < 128
    assert affordable(DESCRIPTORS).connections == module.MOST_CONNECTIONS


async def test_errors_of_accept_are_logged_a_few_times(caplog: pytest.LogCaptureFixture) -> None:
    loop = asyncio.get_running_loop()
    limit_accept_errors(loop)
    for _ in range(2_000):
        loop.call_exception_handler({"message": ACCEPT_ERROR, "exception": OSError(24, "Too many open files")})
    assert caplog.text.count("Too many open files") == 5
    loop.call_exception_handler({"message": "something else"})
    assert "something else" in caplog.text
    loop.set_exception_handler(None)


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8::1", "2001:db8::/64"),
        ("2001:db8::ffff:1", "2001:db8::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
    ],
)
def test_a_site_is_one_peer(address: str, counted: str) -> None:
    assert counted_as(address) == counted
