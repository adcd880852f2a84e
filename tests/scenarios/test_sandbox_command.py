"""`python -m sandbox` at a terminal: the address of the chat page, and Ctrl+C."""

from __future__ import annotations

import asyncio
import re
import socket
import sys
from asyncio.subprocess import PIPE
from contextlib import closing
from typing import Self

import psutil
from aiohttp import ClientSession

from sandbox.__main__ import DEFAULT_PORT
from sandbox.bot_process import PROJECT
from sandbox.waiting import within

# A process of its own gives the sandbox its terminal: the tests' process has threads, and must not fork.
_SPAWN = "import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))"
CTRL_C = b"\x03"
PAGE = re.compile(r"The chat page, for your browser: (http://127\.0\.0\.1:(\d+)/)")


class Terminal:
    """A sandbox at a terminal of its own; `text` is what it has printed."""

    def __init__(self, child: asyncio.subprocess.Process) -> None:
        self.child = child
        self.text = ""

    @classmethod
    async def of(cls, *arguments: str) -> Self:
        argv = (sys.executable, "-c", _SPAWN, sys.executable, "-m", "sandbox", *arguments)
        return cls(await asyncio.create_subprocess_exec(*argv, cwd=PROJECT, stdin=PIPE, stdout=PIPE))

    def press(self, keys: bytes) -> None:
        assert self.child.stdin
        self.child.stdin.write(keys)

    async def prints(self, pattern: re.Pattern[str]) -> re.Match[str]:
        while not (result := pattern.search(self.text)):
            assert await self._read(), f"it ended with:\n{self.text}"
        return result

    async def exit_code(self) -> int:
        while await self._read():
            pass
        return await self.child.wait()

    async def _read(self) -> bool:
        assert self.child.stdout
        part = await self.child.stdout.read(65_536)
        self.text += part.decode(errors="replace")
        return bool(part)


async def test_the_page_is_announced_and_ctrl_c_closes_all() -> None:
    with closing(socket.socket()) as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if other.connect_ex(("127.0.0.1", DEFAULT_PORT)):  # else somebody listens there already
            other.bind(("127.0.0.1", DEFAULT_PORT))
            other.listen()
        terminal = await Terminal.of()
        page = await within(120, terminal.prints(PAGE))
        assert int(page[2]) != DEFAULT_PORT
        children = psutil.Process(terminal.child.pid).children(recursive=True)
        assert children
        async with ClientSession() as session, session.get(page[1]) as answer:
            assert answer.status == 200
        terminal.press(CTRL_C)
        assert await within(60, terminal.exit_code()) == 0
    assert "Closing ..." in terminal.text
    assert "Traceback" not in terminal.text
    assert not [child for child in children if child.is_running()]


async def test_a_port_that_another_program_has_is_refused_in_one_line() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        terminal = await Terminal.of("--port", str(other.getsockname()[1]))
        assert await within(60, terminal.exit_code()) == 2
    assert "another program listens on port" in terminal.text
    assert "Traceback" not in terminal.text
