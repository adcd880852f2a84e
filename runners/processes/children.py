"""Long children: how they are started and followed, wherever what they print is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from runners.processes.detached import Detached

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping, Sequence
    from pathlib import Path

    from runners.processes.wall import Room


class Child(Protocol):
    """A long program: running, or ended."""

    async def is_running(self) -> bool:
        """Whether there is still something to wait for."""

    def lines(self) -> AsyncGenerator[str, None]:
        """What it prints, line by line from the beginning, until it ended."""

    async def wait(self, timeout: float) -> int | None:
        """Its exit code once it ended, a signal as a negative number; None when it died without leaving one.

        Raises:
            TimedOutError: it still runs after `timeout` seconds, and goes on.
        """

    async def cancel(self, grace: float) -> None:
        """Ask it to stop (SIGINT); after `grace` seconds it is killed with all its process group. Returns when it ended."""

    async def was_cancelled(self) -> bool:
        """Whether somebody asked it to stop, as far as that is on record."""

    async def written_file(self, path: Path, *, most: int) -> bytes:
        """The file that it left, which was named as `leaves` when it was started.

        Raises:
            OSError: there is none, or it has more bytes than `most`.
        """


class Children(Protocol):
    """Starts and finds the long children of an operation. A `name` is used once in an operation, for one run at most."""

    async def start(
        self,
        name: str,
        directory: Path,
        argv: Sequence[str],
        *,
        cwd: Path,
        env: Mapping[str, str],
        room: Room,
        leaves: Path | None = None,
    ) -> Child:
        """Start the program in its room; see `Detached.start` for the arguments and errors."""

    async def attach(self, name: str, directory: Path) -> Child | None:
        """The program of this name, running or ended; None when none was ever started."""


class FileChildren:
    """Children of a bot on one machine: their output and exit code are in files."""

    async def start(
        self,
        name: str,
        directory: Path,
        argv: Sequence[str],
        *,
        cwd: Path,
        env: Mapping[str, str],
        room: Room,
        leaves: Path | None = None,
    ) -> Child:
        """See Children."""
        del name, leaves  # the directory names it, and what it leaves stays where it is
        return await Detached.start(directory, argv, cwd=cwd, env=env, room=room)

    async def attach(self, name: str, directory: Path) -> Child | None:
        """See Children."""
        del name
        return Detached.attach(directory)


FILES: Final = FileChildren()
