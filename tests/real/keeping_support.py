"""Kept children on a real PostgreSQL: two machines, a way to the database that can be cut, and a witness outside of all."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import psutil

from bot.children.following import Holder, SharedChildren
from bot.children.keeping import Keeping
from bot.children.rescue import Rescue
from bot.store.children import ChildRows
from runners.processes.child import child_environment
from runners.processes.wall import OUTSIDE

if TYPE_CHECKING:
    from pathlib import Path

    from bot.store.database import Store
    from runners.processes.children import Child

OPERATION = 7
# Seconds between an interrupt and SIGKILL. On a busy machine a program that listens may wait for its turn for seconds.
GRACE, GRACE_OF_THE_DEAF = 30.0, 1.0
# Writes a beat every 20 ms, so that a witness sees when it ran. It takes an interrupt as Terraform does: it ends soon.
PROGRAM = """
import os, signal, sys, time
beats = open(sys.argv[1], "a", buffering=1)
stop = []
if sys.argv[3] == "listens":
    signal.signal(signal.SIGINT, lambda *_: stop.append("interrupted"))
else:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
print("begins", flush=True)
end = time.monotonic() + float(sys.argv[2])
while time.monotonic() < end and not stop:
    beats.write(f"{os.getpid()} {time.time()}\\n")
    time.sleep(0.02)
print(*stop, "ends", flush=True)
sys.exit(4 if stop else 0)
"""


@dataclass(frozen=True)
class Machine:
    """A machine of the bot: its own directory, its own way to the database."""

    store: Store
    home: Path
    name: str
    lease: float

    @property
    def children(self) -> SharedChildren:
        """The long children of the operation, as a bot on this machine has them."""
        return self._children(GRACE)

    def _children(self, grace: float) -> SharedChildren:
        return SharedChildren(ChildRows(self.store), self.holder, OPERATION, grace)

    @property
    def holder(self) -> Holder:
        """The bot on this machine."""
        return Holder(self.name, f"host-{self.name}", self.name, self.lease, self.home / "keepers")

    async def rescue(self) -> None:
        """Do what the bot on this machine does each second: look for keepers that died."""
        rescue = Rescue(Keeping(ChildRows(self.store), self.holder))
        try:
            await rescue.look()
        finally:
            await rescue.close()

    async def start(self, beats: Path, seconds: float, manner: str = "listens", leaves: Path | None = None) -> Child:
        """Start the program, which works for so many seconds."""
        self.home.mkdir(exist_ok=True)
        argv = [sys.executable, "-S", "-c", PROGRAM, str(beats), str(seconds), manner]
        env = child_environment(self.home) | {"A_SECRET": "in-the-environment"}
        place = self.home / "apply"
        children = self._children(GRACE_OF_THE_DEAF if manner == "deaf" else GRACE)
        return await children.start("apply", place, argv, cwd=self.home, env=env, room=OUTSIDE, leaves=leaves)

    async def attach(self) -> Child | None:
        """Find the program, wherever it was started."""
        return await self.children.attach("apply", self.home / "apply")

    @property
    def keepers(self) -> list[psutil.Process]:
        """The keepers of this machine, known by the parent of what they keep."""
        return [each for each in psutil.process_iter() if self._is_keeper(each)]

    def _is_keeper(self, process: psutil.Process) -> bool:
        try:
            if "bot.children.keeper" not in " ".join(process.cmdline()):
                return False  # to list the open files of every process of the machine takes a second where it has many
            return str(self.home / "apply/keeper.log") in [file.path for file in process.open_files()]
        except psutil.Error:
            return False

    @property
    def supervised(self) -> list[int]:
        """The supervisor and the program."""
        record = self.home / "apply" / "pid"
        return [int(line.split()[0]) for line in record.read_text().splitlines()] if record.exists() else []

    def lose(self) -> None:
        """Lose the machine: everything that runs on it ends at once."""
        for pid in [*(keeper.pid for keeper in self.keepers), *self.supervised]:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


@dataclass
class Proxy:
    """The way of a machine to the database. While it is `cut`, what is sent disappears without an error."""

    host: str
    port: int
    cut: bool = False
    _server: asyncio.Server | None = None
    _writers: list[asyncio.StreamWriter] = field(default_factory=list)

    async def __aenter__(self) -> int:
        """Listen; the port."""
        self._server = await asyncio.start_server(self._take, "127.0.0.1", 0)
        return int(self._server.sockets[0].getsockname()[1])

    async def __aexit__(self, *_: object) -> None:
        if self._server:
            self._server.close()
        for writer in self._writers:
            writer.close()

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection(self.host, self.port)
        self._writers += [writer, far_writer]
        with suppress(asyncio.CancelledError):  # the end of the test
            await asyncio.gather(self._pass_on(reader, far_writer), self._pass_on(far_reader, writer))

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(1 << 16):
                if not self.cut:
                    writer.write(data)
                    await writer.drain()
        writer.close()


@dataclass(frozen=True)
class Beats:
    """What the program itself wrote down, outside of the product: when which process worked."""

    path: Path

    @property
    def runs(self) -> dict[int, tuple[float, float]]:
        """The first and the last moment of each process that worked."""
        result: dict[int, tuple[float, float]] = {}
        for line in self.path.read_text().splitlines() if self.path.exists() else []:
            with suppress(ValueError):  # half a line of a killed one
                pid, at = line.split()
                first, _ = result.get(int(pid), (float(at), 0.0))
                result[int(pid)] = (first, float(at))
        return result

    @property
    def last(self) -> float:
        """When something last worked."""
        return max((end for _, end in self.runs.values()), default=0.0)

    async def begun(self) -> None:
        """Wait until something works."""
        while not self.runs:  # noqa: ASYNC110  -- another process writes it
            await asyncio.sleep(0.02)
