"""Real daemons: processes with PID files, well-behaved and not, started and stopped by shell commands."""

from __future__ import annotations

import os
import signal
import sys
import time
import uuid
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import psutil
import pytest

from runners.daemons import Daemon

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PROGRAM = """
import os, signal, sys, time
pid_file, mode = sys.argv[1:3]
def fork():
    if os.fork():
        os._exit(0)
if mode == "dies":
    sys.exit(1)
fork()
os.setsid()
if mode != "forks once":
    fork()
if mode == "refuses":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
null = os.open(os.devnull, os.O_RDWR)
for number in range(3):
    os.dup2(null, number)
with open(pid_file, "w") as file:
    file.write(str(os.getpid()))
if mode == "has a worker" and not os.fork():
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
time.sleep(120)
"""


@dataclass(frozen=True)
class Real:
    """A daemon whose name no other process of this machine has in its command line."""

    directory: Path
    name: str
    mode: str

    @property
    def pid_file(self) -> Path:
        return self.directory / f"{self.name}.pid"

    @property
    def configured(self) -> Daemon:
        start = f"{sys.executable} {self.directory}/{self.name} {self.pid_file} '{self.mode}'"
        return Daemon(self.name, pid_file=str(self.pid_file), start=start, stop=f"kill $(cat {self.pid_file})")

    @property
    def processes(self) -> list[psutil.Process]:
        result = []
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                if f"{self.directory}/{self.name}" in process.cmdline() and process.status() != psutil.STATUS_ZOMBIE:
                    result.append(process)
        return result

    def start(self) -> None:
        """Start one, and wait until it has forked as often as it does."""
        before = self._written()
        os.system(self.configured.start)  # noqa: S605 - as the host would
        end = time.monotonic() + 20
        while (now := self._written()) == before or not psutil.pid_exists(int(now or 0)):
            assert time.monotonic() < end, "it does not write its PID file"
            time.sleep(0.02)

    def _written(self) -> str:
        return self.pid_file.read_text() if self.pid_file.exists() else ""

    def end(self) -> None:
        for process in self.processes:
            with suppress(psutil.Error):
                process.send_signal(signal.SIGKILL)


def make_daemon(directory: Path, mode: str = "forks twice") -> Real:
    """A daemon that does not run yet."""
    made = Real(directory, f"queue-daemon-{uuid.uuid4().hex[:8]}", mode)
    (directory / made.name).write_text(PROGRAM)
    return made


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Real]:
    """One that has forked once."""
    made = make_daemon(tmp_path, "forks once")
    yield made
    made.end()
