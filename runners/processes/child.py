"""Short programs: an argv list and never a shell, an explicit environment, a process group that ends with the call."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from runners.errors import NotFoundError, ProgramMissingError, TimedOutError
from runners.processes import wall

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from runners.processes.wall import Room

LONGEST_OUTPUT = 1 << 20  # bytes of each stream kept in memory: the last ones
GRACE = 10.0  # seconds between SIGINT and SIGKILL: Terraform gives back its state lock in them
_AFTER_EXIT = 0.5  # seconds for the rest of the output, when a grandchild still holds the pipe
_SYSTEM_PATH = wall.SYSTEM_PATH
_LONGEST_TMPDIR = 80  # Terraform's plugins put sockets there, and a socket's path has at most 104 characters


@dataclass(frozen=True, slots=True)
class Output:
    """What a program printed, as text: of each stream the last megabyte. A negative exit code is a signal."""

    exit_code: int
    stdout: str
    stderr: str


def search_path() -> str:
    """The PATH of every child: this Python's directory, then the system's."""
    return f"{Path(sys.executable).parent}:{_SYSTEM_PATH}"


def child_environment(home: Path, extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The whole environment of a child: a PATH, its own HOME and TMPDIR, UTF-8, then `extra` over these.

    Nothing of the bot's own environment is in it. Makes `home/tmp` (0700).
    """
    temporary = home / "tmp"
    temporary.mkdir(mode=0o700, parents=True, exist_ok=True)
    short = len(str(temporary)) <= _LONGEST_TMPDIR
    base = {
        "PATH": search_path(),
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "LC_ALL": "C.UTF-8",
        "TMPDIR": str(temporary) if short else "/tmp",  # noqa: S108 - the one short path there is everywhere
    }
    return base | dict(extra or {})


async def run(
    argv: Sequence[str],
    *,
    cwd: Path,
    env: Mapping[str, str],
    timeout: float,
    doing: str,
    room: Room,
    stdout_to: Path | None = None,
    stdin_from: Path | None = None,
    grace: float = GRACE,
) -> Output:
    """Run a program in its room to its end; with it ends its process group, whatever it started.

    `env` is all it sees; its stdin is the file `stdin_from`, else empty. With `stdout_to` its stdout goes whole into that new file (0600).
    After `timeout` seconds, or when the calling task is cancelled, the group gets SIGINT and `grace` seconds
    later SIGKILL. Any exit code is an answer: what it means is for the caller.

    Raises:
        NotFoundError: there is no directory `cwd`.
        ProgramMissingError: there is no such program.
        TimedOutError: it took longer; `log_tail` is the end of its stderr.
    """
    if not cwd.is_dir():
        raise NotFoundError(doing, f"there is no directory {cwd.name}")
    out, err = _Tail(), _Tail()
    command = await entering(argv, doing, room=room, cwd=cwd, env=env)
    try:
        process = await _start(
            command, doing, cwd=cwd, env=env, out=out, err=err, stdout_to=stdout_to, stdin_from=stdin_from
        )
        exit_code = await _wait(process, timeout, grace, doing, err)
        await err.drain()
        if not stdout_to:
            await out.drain()
    finally:
        out.close()
        err.close()
    return Output(wall.exit_code(exit_code) if room.walled else exit_code, out.text, err.text)


async def entering(argv: Sequence[str], doing: str, *, room: Room, cwd: Path, env: Mapping[str, str]) -> list[str]:
    """The argv that runs this one in its room: see `wall.enter`.

    Raises:
        ProgramMissingError: there is no such program, or no bwrap.
    """
    try:
        return await asyncio.to_thread(wall.enter, argv, room, cwd=cwd, env=env)
    except FileNotFoundError as error:
        raise missing_program(doing, argv[0]) from error


async def _start(
    argv: Sequence[str],
    doing: str,
    *,
    cwd: Path,
    env: Mapping[str, str],
    out: _Tail,
    err: _Tail,
    stdout_to: Path | None,
    stdin_from: Path | None,
) -> asyncio.subprocess.Process:
    with ExitStack() as ends:  # our copies of the ends that the child writes to
        out_end = _new_file(stdout_to) if stdout_to else await out.open()
        ends.callback(os.close, out_end)
        err_end = await err.open()
        ends.callback(os.close, err_end)
        in_end = ends.enter_context(stdin_from.open("rb")) if stdin_from else asyncio.subprocess.DEVNULL
        try:
            return await asyncio.create_subprocess_exec(
                *argv,
                cwd=cwd,
                env=dict(env),
                stdin=in_end,
                stdout=out_end,
                stderr=err_end,
                start_new_session=True,
            )
        except (FileNotFoundError, NotADirectoryError, PermissionError) as error:
            raise missing_program(doing, argv[0]) from error


def missing_program(doing: str, program: str) -> ProgramMissingError:
    """The error for a program that is not there or may not be run."""
    return ProgramMissingError(
        doing, f"there is no program {Path(program).name} on this machine", remedy=f"Install {Path(program).name}."
    )


async def _wait(process: asyncio.subprocess.Process, timeout: float, grace: float, doing: str, err: _Tail) -> int:
    try:
        async with asyncio.timeout(timeout):
            return await process.wait()
    except TimeoutError:
        raise TimedOutError(doing, f"it took longer than {timeout:g} seconds", log_tail=err.text) from None
    finally:
        await _stop(process, grace)


async def _stop(process: asyncio.subprocess.Process, grace: float) -> None:
    try:
        if process.returncode is None:
            _signal_group(process.pid, signal.SIGINT)
            with suppress(TimeoutError):  # what its grace was not enough for is killed below
                async with asyncio.timeout(grace):
                    await process.wait()
    finally:  # whatever is left of the group, also when this wait was itself cancelled
        _signal_group(process.pid, signal.SIGKILL)
        await process.wait()


def _signal_group(group: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):  # gone already; macOS says EPERM of a group of zombies
        os.killpg(group, number)


def _new_file(path: Path) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)


class _Tail(asyncio.Protocol):
    """The end of what comes through a pipe.

    A pipe of our own and not asyncio's: a process is over when it exits, even if another process still holds its output
    (until Python 3.13 `Process.wait` waits for both).
    """

    def __init__(self) -> None:
        self._kept = bytearray()
        self._closed = asyncio.Event()
        self._transport: asyncio.ReadTransport | None = None

    async def open(self) -> int:
        """Make the pipe; what the child writes to is the caller's to close."""
        reading, writing = os.pipe()
        pipe = os.fdopen(reading, "rb", 0)
        self._transport, _ = await asyncio.get_running_loop().connect_read_pipe(lambda: self, pipe)
        return writing

    def data_received(self, data: bytes) -> None:
        self._kept += data
        if len(self._kept) > 2 * LONGEST_OUTPUT:
            del self._kept[:-LONGEST_OUTPUT]

    def connection_lost(self, exc: Exception | None) -> None:
        del exc  # a pipe that breaks has ended like any other
        self._closed.set()

    async def drain(self) -> None:
        """Wait for the end of the output, but not for long: a daemon may hold the pipe for ever."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_AFTER_EXIT):
                await self._closed.wait()

    def close(self) -> None:
        if self._transport:
            self._transport.close()

    @property
    def text(self) -> str:
        return self._kept[-LONGEST_OUTPUT:].decode(errors="replace")
