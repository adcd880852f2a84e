"""A program without a network, whose page a browser outside can read."""

from __future__ import annotations

import asyncio
import sys
from asyncio.subprocess import PIPE
from typing import TYPE_CHECKING

import aiohttp
import pytest

from sandbox import wall
from sandbox.bot_process import PROJECT
from sandbox.no_network import ports_outside, without_network
from sandbox.ports import free_port

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(bool(wall.missing()), reason="bubblewrap does not work here")

# Serves what it can reach: an address of the documentation's network, which no machine has a route to without a default one.
INSIDE = """
import asyncio, socket, sys
from pathlib import Path
from aiohttp import web
from sandbox.no_network import ports_inside

async def page(request):
    try:
        socket.create_connection(("192.0.2.1", 80), timeout=3)
    except OSError as error:
        return web.Response(text=error.strerror or "timeout")
    return web.Response(text="connected")

async def main():
    app = web.Application()
    app.add_routes([web.get("/", page)])
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", int(sys.argv[2])).start()
    async with ports_inside(Path(sys.argv[1]), [int(sys.argv[2])]):
        print("up", flush=True)
        await asyncio.to_thread(sys.stdin.read)

asyncio.run(main())
"""


async def test_it_reaches_nothing_and_its_page_is_reached(tmp_path: Path) -> None:
    port = free_port()
    argv = without_network([sys.executable, "-c", INSIDE, str(tmp_path), str(port)])
    async with ports_outside(tmp_path, [port]), aiohttp.ClientSession() as session:
        inside = await asyncio.create_subprocess_exec(*argv, cwd=PROJECT, stdin=PIPE, stdout=PIPE)
        try:
            assert inside.stdout is not None
            assert await inside.stdout.readline() == b"up\n"
            async with session.get(f"http://127.0.0.1:{port}/") as answer:
                assert await answer.text() == "Network is unreachable"
        finally:
            assert inside.stdin is not None
            inside.stdin.close()
            assert await inside.wait() == 0
        with pytest.raises(aiohttp.ClientError):
            await session.get(f"http://127.0.0.1:{port}/")
