"""Runs a program without a network, and lets a browser outside reach the pages that it serves on loopback.

The program gets a network namespace of its own from bubblewrap, with loopback alone. A port is reached by a Unix socket, which both
sides see: outside a port leads to the socket, inside the socket leads to the same port.
"""

from __future__ import annotations

import asyncio
import shutil
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
    from pathlib import Path

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
_PIECE = 1 << 16


def without_network(argv: Sequence[str]) -> list[str]:
    """The argv of a program that has loopback alone. Raises RuntimeError without bubblewrap."""
    bwrap = shutil.which("bwrap")
    if bwrap is None:
        raise RuntimeError("bubblewrap is not installed")
    # All capabilities stay, as far as there are any: the bot builds walls of its own inside.
    return [bwrap, "--unshare-net", "--dev-bind", "/", "/", "--cap-add", "ALL", "--", *argv]


@asynccontextmanager
async def ports_outside(directory: Path, ports: Iterable[int]) -> AsyncIterator[None]:
    """While in it, each port of 127.0.0.1 leads to the program inside."""
    async with _serving(
        [await asyncio.start_server(_to(_socket_of(directory, port)), "127.0.0.1", port) for port in ports]
    ):
        yield


@asynccontextmanager
async def ports_inside(directory: Path, ports: Iterable[int]) -> AsyncIterator[None]:
    """While in it, each port of 127.0.0.1 can be reached from outside."""
    async with _serving(
        [await asyncio.start_unix_server(_to(port), str(_socket_of(directory, port))) for port in ports]
    ):
        yield


@asynccontextmanager
async def _serving(servers: list[asyncio.Server]) -> AsyncIterator[None]:
    try:
        yield
    finally:
        for server in servers:
            server.close()


def _socket_of(directory: Path, port: int) -> Path:
    return directory / f"{port}.sock"


def _to(target: Path | int) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]:
    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            other_reader, other_writer = await _open(target)
        except OSError:  # the program does not serve yet, or no longer: as if nobody listened
            writer.close()
            return
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(_copy(reader, other_writer))
            tasks.create_task(_copy(other_reader, writer))

    return relay


async def _open(target: Path | int) -> Streams:
    if isinstance(target, int):
        return await asyncio.open_connection("127.0.0.1", target)
    return await asyncio.open_unix_connection(str(target))


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):  # either side hung up
        while piece := await reader.read(_PIECE):
            writer.write(piece)
            await writer.drain()
    with suppress(OSError):
        writer.close()
