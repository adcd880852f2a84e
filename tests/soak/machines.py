"""Machines of the bench: each with its own workplace, one process of Signalbox, and proxies to all that it reaches."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import psutil

from bot.engine.lease import LOST
from bot.engine.versions import APPLICATION_VERSION
from sandbox.bot_process import BotProcess
from sandbox.waiting import slowness, until
from tests.soak.cuts import Cut

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sandbox.bot_process import Child, Launch
    from sandbox.world import World

REACHED = {
    "database": "DATABASE_URL",
    "slack": "SLACK_API_URL",
    "github": "GITHUB_API_URL",
    "aws": "AWS_ENDPOINT_URL",
}
STARTS = 4  # of an idle machine: a busy one may take longer than the short lease to start
CLOCK_OFF = "300"  # seconds
# Machine a reaches no network of staging (tests/soak/bench.py).
LABEL = "net"
LABELS = {"b": LABEL, "c": LABEL}
_DIRECTORY = re.compile(r'(?m)^  directory: ".*/var"$')


class Release:
    """The version of the workflows that each process has from its next start on: a rolling update raises it."""

    def __init__(self) -> None:
        self.version = int(APPLICATION_VERSION)


class Machine:
    """A machine called `name`. One that is lost is replaced by a new one, with another name and an empty disk."""

    def __init__(self, name: str, world: World, start: Launch, release: Release, aws: str) -> None:
        self._start = start
        self._release = release
        self._version = release.version
        self.labels = LABELS.get(name, "")
        self._world = world
        self._aws = aws  # an address of its own, by which its calls are known
        self._name = name
        self.generation = 1
        self.cuts: dict[str, Cut] = {}
        self.clock = ""  # how many seconds it is off, from the next start on
        self.process: BotProcess | None = None
        self.frozen = False
        self.lock = asyncio.Lock()  # one fault at a time
        self.lost_at: list[tuple[str, float]] = []  # executor and Unix time of each machine that is lost

    @property
    def executor(self) -> str:
        """Its name in the database."""
        return f"{self._name}{self.generation}"

    @property
    def disk(self) -> Path:
        """Where its workplace and its configuration are."""
        return self._world.files / self.executor

    @property
    def slack_port(self) -> int:
        """The port of its own proxy to Slack."""
        return self.cuts["slack"].port

    @property
    def running(self) -> bool:
        """Whether its process has not ended."""
        child = self.process._child if self.process else None
        return child is not None and child.returncode is None

    async def launch(self, argv: Sequence[str], environment: Mapping[str, str], log: Path) -> Child:
        """Start the process here: see `sandbox.bot_process.Launch`. The configuration gets this machine's workplace."""
        given = {**environment, "AWS_ENDPOINT_URL": self._aws}
        own = {**given, **await self._addresses(given), "SIGNALBOX_EXECUTOR": self.executor}
        self.disk.mkdir(exist_ok=True)
        text = Path(argv[-1]).read_text()
        config = self.disk / "signalbox.yaml"
        config.write_text(_DIRECTORY.sub(f'  directory: "{self.disk}/var"', text))
        arguments = (*argv[:-1], str(config))
        if self.clock:
            own["TEST_CLOCK_OFF"] = self.clock
        if self.labels:
            own["SIGNALBOX_LABELS"] = self.labels
        self._version = self._release.version
        own["TEST_APPLICATION_VERSION"] = str(self._version)
        return await self._start(arguments, own, log)

    async def _addresses(self, environment: Mapping[str, str]) -> dict[str, str]:
        result = {}
        for what, variable in REACHED.items():
            address = urlsplit(environment[variable])
            if what not in self.cuts:
                self.cuts[what] = Cut(str(address.hostname), int(address.port or 0))
                await self.cuts[what].start()
            user, _, _ = address.netloc.rpartition("@")
            netloc = f"{user}@" * bool(user) + f"127.0.0.1:{self.cuts[what].port}"
            result[variable] = address._replace(netloc=netloc).geturl()
        result["DATABASE_URL"] += f"?application_name={self.executor}"
        return result

    async def update(self) -> None:
        """Start its process again, politely, with a newer version beside the older ones."""
        self._release.version += 1
        await self._replace_older()

    async def _replace_older(self) -> None:
        if self._version < self._release.version:
            await self.restart()

    def freeze(self) -> None:
        """SIGSTOP: the process sleeps, its children go on."""
        if self.running and self.process:
            self.frozen = True
            os.kill(self.process.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT."""
        if self.frozen and self.running and self.process:
            os.kill(self.process.pid, signal.SIGCONT)
        self.frozen = False

    async def lose(self) -> None:
        """Lose the machine with its disk: every process in one moment, then the disk. The next start is a new machine."""
        stopped: dict[int, psutil.Process] = {}
        while new := [each for each in self._processes() if each.pid not in stopped]:
            for each in new:
                stopped[each.pid] = each
                with suppress(psutil.Error):
                    each.suspend()
        self.lost_at.append((self.executor, time.time()))
        for each in stopped.values():
            with suppress(psutil.Error):
                each.kill()
        if self.process is not None:
            await self.process.wait_until_dead()
        await until(lambda: not [each for each in stopped.values() if _alive(each)])
        shutil.rmtree(self.disk, ignore_errors=True)
        self.frozen = False
        self.generation += 1

    async def start(self) -> None:
        """Start the process as a service manager does: again where it lost its lease meanwhile, or a newer version came.

        Raises RuntimeError, with its log, where it ended for another reason.
        """
        if self.process is None:
            return
        most = round(STARTS * slowness())
        for _ in range(most):
            try:
                await self.process.start()
            except RuntimeError:
                child, outdated = self.process._child, self._version < self._release.version
                if child is None or not (child.returncode == LOST or outdated):
                    raise
            else:
                return
        raise RuntimeError(f"{self.executor} lost its lease {most} times while it started")

    async def restart(self) -> None:
        """Stop its process politely, and start it again."""
        if self.process is not None:
            await self.process.stop()
            await self.start()

    async def heal(self) -> None:
        """Open all ways, let it go on, start it where it has ended, and finish a rolling update here."""
        for cut in self.cuts.values():
            cut.set("open")
        self.thaw()
        await self.start_again()
        await self._replace_older()

    async def start_again(self) -> None:
        """Start it where it has ended."""
        if self.process is not None and not self.running:
            self.process._child = None
            self.clock = ""
            await self.start()

    async def close(self) -> None:
        """End everything that runs here."""
        self.thaw()
        if self.process is not None:
            await self.process.kill()
        for each in self._processes():
            with suppress(psutil.Error):
                each.kill()
        for cut in self.cuts.values():
            await cut.stop()

    def _processes(self) -> list[psutil.Process]:
        listed: dict[int, psutil.Process] = {}
        if self.running and self.process:
            with suppress(psutil.Error):
                own = psutil.Process(self.process.pid)
                listed = {each.pid: each for each in (own, *own.children(recursive=True))}
        listed |= {each.pid: each for each in psutil.process_iter() if each.pid != os.getpid() and self._is_here(each)}
        return list(listed.values())

    def _is_here(self, process: psutil.Process) -> bool:
        with suppress(psutil.Error, OSError):
            output = Path(f"/proc/{process.pid}/fd/1").readlink()  # a keeper has nothing else of its machine
            texts = [*process.cmdline(), *process.environ().values(), process.cwd(), str(output)]
            return any(f"{self.disk}/" in f"{text}/" for text in texts)
        return False


def _alive(process: psutil.Process) -> bool:
    with suppress(psutil.Error):
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    return False


class Worker(BotProcess):
    """`python -m bot work`, which listens to nobody: it is ready when it says so in its log."""

    def __init__(self, config: Path, environment: Mapping[str, str], log: Path, launch: Launch) -> None:
        super().__init__(config, environment, 0, log, launch, command="work")
