"""The bot as a child process: started as people start it, stopped politely or by SIGKILL, started again."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from aiohttp import ClientError, ClientSession, ClientTimeout

from sandbox.waiting import Timer, aloud, within

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PROJECT = Path(__file__).parent.parent
READY_WITHIN = 30.0  # seconds of an idle machine, which needs about two
ENDS_WITHIN = 15.0
# prctl(PR_SET_PDEATHSIG, SIGKILL) outlasts the exec after it. It is not done between fork and exec: threads forbid that.
# The environment as it was given: Python may have added LC_CTYPE to its own.
_LAUNCH = """
import ctypes, os, sys
ctypes.CDLL(None).prctl(1, 9)
with open("/proc/self/environ", "rb") as given:
    environment = dict(one.split(b"=", 1) for one in given.read().split(b"\\0") if one)
os.execve(sys.argv[1], sys.argv[1:], environment)
"""


class Child(Protocol):
    """A process that was started here, as `asyncio.subprocess.Process` describes it."""

    @property
    def pid(self) -> int:
        """Its process id."""

    @property
    def returncode(self) -> int | None:
        """Its exit status, negative for a signal; None while it runs."""

    async def wait(self) -> int:
        """Wait for its end; its exit status."""

    def send_signal(self, number: int, /) -> None:
        """Send it a signal."""

    def kill(self) -> None:
        """End it by SIGKILL."""


class Launch(Protocol):
    """Starts a program in a session of its own that ends with this process and appends its output to `log`."""

    async def __call__(self, argv: Sequence[str], environment: Mapping[str, str], log: Path) -> Child:
        """Start it; returns before it is ready."""


async def launch(argv: Sequence[str], environment: Mapping[str, str], log: Path) -> asyncio.subprocess.Process:
    """Start the program as people start it; see `Launch`."""
    with log.open("ab") as output:
        return await asyncio.create_subprocess_exec(
            *ends_with_parent(argv),
            cwd=PROJECT,
            env=dict(environment),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )


class BotProcess:
    """`python -m bot serve` with its configuration, or another `command` with options; what it logs goes to the end of the file `log`.

    Whatever ends this process ends the bot too; what the bot has started lives on, as on a machine that lost its bot.
    """

    def __init__(
        self,
        config: Path,
        environment: Mapping[str, str],
        port: int,
        log: Path,
        launch: Launch = launch,
        *,
        command: str = "serve",
    ) -> None:
        self._config = config
        self._environment = {**environment, "PORT": str(port)}
        self.port = port
        self.log = log
        self.starts: list[float] = []  # when each start began, in seconds since the epoch
        self._launch = launch
        self._command = command
        self._logged = 0  # bytes of the log before this start
        self._child: Child | None = None

    @property
    def pid(self) -> int:
        """Its process id. Raises RuntimeError when it does not run."""
        if self._child is None:
            raise RuntimeError("the bot does not run")
        return self._child.pid

    async def start(self) -> None:
        """Start it and wait until it is ready. Raises RuntimeError, with what it logged, when it is not."""
        await self.launch()
        if self._child is not None:
            await aloud("Signalbox to become ready", self._ready(self._child))

    async def launch(self) -> None:
        """Start it; returns at once."""
        argv = (sys.executable, "-m", "bot", *self._command.split(), "--config", str(self._config))
        self.log.touch()
        self._logged = self.log.stat().st_size
        self.starts.append(time.time())
        self._child = await self._launch(argv, self._environment, self.log)

    async def runs(self, command: str, log: Path) -> tuple[int, str]:
        """Another command, with the bot's configuration and environment: its exit status, and what it prints to `log`."""
        argv = (sys.executable, "-m", "bot", *command.split(), "--config", str(self._config))
        log.touch()
        child = await self._launch(argv, self._environment, log)
        return await child.wait(), log.read_text(errors="replace")

    async def stop(self) -> None:
        """Ask it to stop (SIGTERM) and wait until it has."""
        await self._end(signal.SIGTERM)

    async def kill(self) -> None:
        """SIGKILL, as the out-of-memory killer would; what it started lives on."""
        await self._end(signal.SIGKILL)

    async def wait_until_dead(self, timeout: float = 30) -> None:
        """Wait until it has died of something else."""
        if self._child is not None:
            await within(timeout, self._child.wait())
            self._child = None

    async def restart(self) -> None:
        """Stop it and start it again."""
        await self.stop()
        await self.start()

    async def _end(self, number: signal.Signals) -> None:
        child, self._child = self._child, None
        if child is None:
            return
        if child.returncode is None:
            child.send_signal(number)
        try:
            await within(ENDS_WITHIN, child.wait())
        except TimeoutError:
            child.kill()
            await child.wait()

    async def _ready(self, child: Child) -> None:
        timer = Timer(READY_WITHIN)
        async with ClientSession(timeout=ClientTimeout(total=2)) as session:
            while timer.remaining():
                if child.returncode is not None:
                    break
                if await self._answers(session):
                    return
                await asyncio.sleep(0.05)
        raise RuntimeError(f"the bot did not become ready; it logged:\n{self.log.read_text(errors='replace')[-4000:]}")

    async def _answers(self, session: ClientSession) -> bool:
        if self._command == "work":  # it listens to nobody
            return b"ready as " in self.log.read_bytes()[self._logged :]
        try:
            address = self._environment.get("METRICS_ADDRESS") or f"127.0.0.1:{self.port}"
            async with session.get(f"http://{address}/readyz") as response:
                return response.status == 200
        except (ClientError, TimeoutError):
            return False


def surroundings() -> dict[str, str]:
    """What the bot gets of this process's environment: where programs are, and nothing else."""
    inherited = ("PATH", "HOME", "LANG", "TMPDIR")
    return {name: os.environ[name] for name in inherited if name in os.environ}


def ends_with_parent(argv: Sequence[str]) -> list[str]:
    """An argv that becomes `argv` (an absolute path first), in the same process, killed when its parent's thread ends.

    On Linux; elsewhere it is `argv` itself, which a parent that is killed leaves running.
    """
    return [sys.executable, "-ISc", _LAUNCH, *argv] if sys.platform == "linux" else list(argv)
