"""TCP proxies between a machine and what it reaches, which a test can cut or let hang."""

from __future__ import annotations

import asyncio
import socket
import struct
from contextlib import suppress
from typing import Literal

Mode = Literal["open", "cut", "hung"]
_CHUNK = 65_536
_MOMENT = 0.05  # seconds
_NOTHING = bytes(1)


class Cut:
    """A proxy on a port of loopback. `cut` resets connections and refuses new ones; `hung` takes them and says nothing.

    Where the server names its own address in its answers, the proxy replaces it by its own: both have as many digits.
    """

    def __init__(self, host: str, port: int) -> None:
        self._target = host, port
        self._server: asyncio.Server | None = None
        self._going = asyncio.Event()
        self._going.set()
        self._mode: Mode = "open"
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self.port = 0

    async def start(self) -> None:
        """Listen on a free port with as many digits as the target's."""
        rejected = []
        while True:
            server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
            self.port = int(server.sockets[0].getsockname()[1])
            if len(str(self.port)) == len(str(self._target[1])):
                break
            rejected.append(server)  # held until another port was found
        for each in rejected:
            each.close()
        self._server = server

    def set(self, mode: Mode) -> None:
        """Change how it treats connections, also those that are open."""
        self._mode = mode
        if mode == "hung":
            self._going.clear()
            return
        if mode == "cut":
            self._reset()
        self._going.set()

    async def stop(self) -> None:
        """Close everything."""
        if self._server is not None:
            self._server.close()
        self._reset()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _reset(self) -> None:
        for writer in list(self._writers):
            # Without lingering the kernel sends a reset; else it would send a polite end.
            with suppress(OSError):  # it is closed already
                sock = writer.get_extra_info("socket")
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # A task of its own: asyncio's servers log the end of a coroutine that is cancelled as an error.
        task = asyncio.create_task(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            if self._mode != "cut":
                await self._connect(reader, writer)
        finally:
            self._writers.discard(writer)
            writer.transport.abort()

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            onward_reader, onward_writer = await asyncio.open_connection(*self._target)
            self._writers.add(onward_writer)
            own, other = (f"127.0.0.1:{port}".encode() for port in (self.port, self._target[1]))
            up = asyncio.create_task(self._pump(reader, onward_writer, b"", b""))
            down = asyncio.create_task(self._pump(onward_reader, writer, other, own))
            try:
                await asyncio.wait({up, down}, return_when=asyncio.FIRST_COMPLETED)
                if up.done() and not down.done():  # the client has said all; the answer may still come
                    await asyncio.wait({down}, timeout=1)
            finally:
                up.cancel()
                down.cancel()
                await asyncio.gather(up, down, return_exceptions=True)
                self._writers.discard(onward_writer)
                onward_writer.transport.abort()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, old: bytes, new: bytes) -> None:
        held = b""
        while piece := await _read(reader, hurry=bool(held)):
            await self._going.wait()
            if piece is _NOTHING:  # no more comes soon, so what was held back begins no address
                sent, held = held, b""
            else:
                sent, held = _replaced(held + piece, old, new)
            writer.write(sent)
            await writer.drain()
        if held:
            writer.write(held)
            await writer.drain()
        writer.write_eof()


async def _read(reader: asyncio.StreamReader, *, hurry: bool) -> bytes:
    """What comes next, empty at the end; `_NOTHING` where nothing comes for a moment and there is a hurry."""
    if not hurry:
        return await reader.read(_CHUNK)
    try:
        return await asyncio.wait_for(reader.read(_CHUNK), _MOMENT)
    except TimeoutError:
        return _NOTHING


def _replaced(piece: bytes, old: bytes, new: bytes) -> tuple[bytes, bytes]:
    """The piece with `new` for `old`, and the end that may be the beginning of another `old`."""
    if not old:
        return piece, b""
    piece = piece.replace(old, new)
    length = next((size for size in range(len(old) - 1, 0, -1) if piece.endswith(old[:size])), 0)
    return piece[: len(piece) - length], piece[len(piece) - length :]
