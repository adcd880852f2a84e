"""Long programs that outlive the bot: started under a small supervisor, followed through files."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from runners.errors import NotFoundError, RunnerError, TimedOutError
from runners.processes import child, supervise, wall
from runners.processes.foreign_files import read_regular
from runners.processes.line_cutter import LineCutter
from runners.removal import remove_tree

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping, Sequence

    from runners.processes.wall import Room

POLL = 0.05  # seconds between reads of the files
START_TIMEOUT = 30.0  # seconds: a machine out of breath, not a program that is slow
_CHUNK = 1 << 18


@dataclass(frozen=True, slots=True)
class _Process:
    """A process that is surely the one meant: the number, and when it began."""

    pid: int
    began: str

    @property
    def running(self) -> bool:
        return supervise.started_at(self.pid) == self.began


@dataclass(frozen=True, slots=True)
class Detached:
    """A program with its supervisor, known by its directory (0700).

    `output` holds its stdout and stderr (0600), `pid` the numbers and start times of supervisor and program, `exit`
    its exit code once it ended. A directory serves one program, once.
    """

    directory: Path

    @classmethod
    async def start(
        cls, directory: Path, argv: Sequence[str], *, cwd: Path, env: Mapping[str, str], room: Room
    ) -> Detached:
        """Start the program in its room, in a session of its own; `env` is its whole environment.

        The directory must not be visible in the room: what is on record there decides.

        Raises:
            ProgramMissingError: there is no such program.
            NotFoundError: there is no directory `cwd`.
            RunnerError: the directory has been used before.
        """
        doing = f"starting {Path(argv[0]).name}"
        command = await entering(argv, doing, cwd=cwd, env=env, room=room)
        directory = directory.absolute()
        reserve(directory, doing)
        supervisor = supervisor_argv(directory, supervise.WALLED if room.walled else "--", command)
        answer = await child.run(supervisor, cwd=cwd, env=env, timeout=START_TIMEOUT, doing=doing, room=wall.OUTSIDE)
        if answer.exit_code:
            raise RunnerError(
                doing, "its supervisor did not start", exit_code=answer.exit_code, log_tail=answer.stderr[-2000:]
            )
        return cls(directory)

    @classmethod
    def attach(cls, directory: Path) -> Detached | None:
        """The program that was started in this directory, running or ended; None when none ever was.

        A start that was interrupted before the supervisor took over is undone, so that None stays true.
        """
        directory = directory.absolute()
        if not (directory / "output").exists():
            return None
        if supervise.claim(directory):
            remove_tree(directory)
            return None
        return cls(directory)

    @property
    def output(self) -> Path:
        """The file of what it prints."""
        return self.directory / "output"

    @property
    def exit_code(self) -> int | None:
        """Its exit code, a signal as a negative number; None as long as there is none on record."""
        try:
            return supervise.recorded_exit((self.directory / "exit").read_bytes())
        except FileNotFoundError:
            return None

    @property
    def running(self) -> bool:
        """Whether there is still something to wait for: the program, or its supervisor about to record its end."""
        if self.exit_code is not None:
            return False
        processes = self._processes()
        return any(process.running for process in processes) if processes else self._just_claimed()

    @property
    def unsupervised(self) -> bool:
        """Whether its supervisor is gone and has left no exit code."""
        processes = self._processes()
        return bool(processes) and self.exit_code is None and not processes[0].running

    async def is_running(self) -> bool:
        """The same, as Child has it."""
        return self.running

    async def was_cancelled(self) -> bool:
        """Always false: files do not have it."""
        return False

    async def written_file(self, path: Path, *, most: int) -> bytes:
        """The file at this path. Raises OSError when there is none, or it has more bytes than `most`."""
        return await asyncio.to_thread(read_regular, path, most=most)

    async def lines(self) -> AsyncGenerator[str, None]:
        """What it prints, line by line from the beginning, until it ended."""
        cutter = LineCutter()
        with self.output.open("rb") as file:
            ended = False
            while True:
                chunk = file.read(_CHUNK)
                if chunk:
                    for line in cutter.take(chunk):
                        yield line
                elif ended:
                    break
                else:
                    ended = not self.running
                await asyncio.sleep(0 if chunk or ended else POLL)
        for line in cutter.rest():
            yield line

    async def wait(self, timeout: float) -> int | None:
        """Its exit code once it ended; None when it died without leaving one (with its supervisor, or the machine).

        What is then left of its process group is ended.

        Raises:
            TimedOutError: it still runs after `timeout` seconds, and goes on.
        """
        end = time.monotonic() + timeout
        while self.running:
            if time.monotonic() >= end:
                raise TimedOutError("waiting for a program to end", f"it still runs after {timeout:g} seconds")
            await asyncio.sleep(POLL)
        if self.exit_code is None:
            self.kill_group()
        return self.exit_code

    async def cancel(self, grace: float) -> None:
        """Ask it to stop (SIGINT); after `grace` seconds end it with all its process group (SIGKILL)."""
        processes = self._processes()
        if processes and processes[-1].running:
            with suppress(ProcessLookupError):  # its group: behind the wall the program has another number
                os.killpg(processes[-1].pid, signal.SIGINT)
        with suppress(TimedOutError):
            await self.wait(grace)
            return
        self.kill_group()
        await self.wait(START_TIMEOUT)

    def tail(self, lines: int = 30) -> str:
        """The last lines that it printed, within the last 64 kB."""
        with self.output.open("rb") as file:
            file.seek(max(0, self.output.stat().st_size - (1 << 16)))
            return "\n".join(file.read().decode(errors="replace").splitlines()[-lines:])

    def _processes(self) -> tuple[_Process, ...]:
        """The supervisor and the program; none before they are on record."""
        try:
            text = (self.directory / "pid").read_text(encoding="ascii")
        except FileNotFoundError:
            return ()
        pairs = (line.split(maxsplit=1) for line in text.splitlines())
        return tuple(_Process(int(pid), began) for pid, began in pairs)

    def _just_claimed(self) -> bool:
        """Between the supervisor's claim and its record lie milliseconds, unless it was killed there."""
        try:
            return time.time() - (self.directory / "claim").stat().st_mtime < START_TIMEOUT
        except FileNotFoundError:
            return False

    def kill_group(self) -> None:
        """Kill what is left of its process group."""
        processes = self._processes()
        if not processes:
            return
        program = processes[-1]
        # A group outlives its leader under the leader's number, which nobody else gets meanwhile: a living
        # process of that number that began at another time means that the group is gone.
        if supervise.started_at(program.pid) in (None, program.began):
            supervise.end_group(program.pid)


async def entering(argv: Sequence[str], doing: str, *, cwd: Path, env: Mapping[str, str], room: Room) -> list[str]:
    """The argv that runs this one in its room. Raises ProgramMissingError, and NotFoundError without `cwd`."""
    if not shutil.which(argv[0], path=env.get("PATH", os.defpath)):
        raise child.missing_program(doing, argv[0])
    if not cwd.is_dir():
        raise NotFoundError(doing, f"there is no directory {cwd.name}")
    return await child.entering(argv, doing, room=room, cwd=cwd, env=env)


def supervisor_argv(directory: Path, mode: str, command: Sequence[str]) -> list[str]:
    """The argv of the supervisor of a command that is in its room already; `mode` is one of supervise.MODES."""
    return [sys.executable, "-I", "-S", supervise.__file__, str(directory), mode, *command]


def reserve(directory: Path, doing: str) -> None:
    """Make the directory (0700) of a program. Raises RunnerError when it has been used before."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    directory.chmod(0o700)
    output = directory / "output"
    try:
        os.close(os.open(output, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600))
    except FileExistsError:
        raise RunnerError(doing, "it was started here before, and runs at most once") from None
