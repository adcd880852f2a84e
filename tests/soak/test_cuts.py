"""The proxies pass everything on, and cut and hang as they should."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

import pytest

from tests.soak.cuts import Cut, _replaced

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@asynccontextmanager
async def echo() -> AsyncIterator[Cut]:
    """A proxy before a server that answers each line with its own address and the line."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while line := await reader.readline():
                writer.write(f"127.0.0.1:{port} ".encode() + line)
                await writer.drain()
        writer.close()
        ended.set()

    ended = asyncio.Event()
    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    cut = Cut("127.0.0.1", port)
    await cut.start()
    try:
        yield cut
    finally:
        await cut.stop()
        await ended.wait()
        server.close()


async def test_an_answer_passes_at_once_although_its_end_may_begin_an_address() -> None:
    async with echo() as cut:
        reader, writer = await asyncio.open_connection("127.0.0.1", cut.port)
        writer.write(b"ends in 1\n12")
        assert await reader.readline() == f"127.0.0.1:{cut.port} ends in 1\n".encode()
        writer.write(b"7\n")
        assert await reader.readline() == f"127.0.0.1:{cut.port} 127\n".encode()
        writer.close()


async def test_what_is_cut_is_reset_and_what_hangs_goes_on_later() -> None:
    async with echo() as cut:
        reader, writer = await asyncio.open_connection("127.0.0.1", cut.port)
        cut.set("hung")
        writer.write(b"later\n")
        waiting = asyncio.ensure_future(reader.readline())
        assert not (await asyncio.wait({waiting}, timeout=0.1))[0]
        cut.set("open")
        assert (await waiting).endswith(b"later\n")
        cut.set("cut")
        with pytest.raises(ConnectionError):
            await reader.readline()
        writer.close()
        reader, writer = await asyncio.open_connection("127.0.0.1", cut.port)
        with suppress(ConnectionError):
            assert await reader.read() == b""
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


@pytest.mark.parametrize("size", range(1, 20))
def test_an_address_is_replaced_wherever_the_pieces_part(size: int) -> None:
    text, old, new = b"x 127.0.0.1:80 y 127.0.0.127.0.0.1:80", b"127.0.0.1:80", b"127.0.0.1:99"
    result = held = b""
    for start in range(0, len(text), size):
        piece, held = _replaced(held + text[start : start + size], old, new)
        result += piece
    assert result + held == text.replace(old, new)
