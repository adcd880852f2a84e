"""What is wrong with this process and its machine. /readyz answers 503 with it."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

# Bytes that have to be free. SQLite's log grows to 4 MB before it is written back, more while others read; an operation
# records its output and its plan (some MB each), and there may be a dozen at work. What they did must still be recorded.
ROOM = 100 * 1024 * 1024


class Health:
    """Problems by their source ("database", "clock"), and the directories that need room."""

    def __init__(self, directories: Iterable[Path] = (), room: int = ROOM) -> None:
        self.directories = list(directories)
        self._room = room
        self._problems: dict[str, str] = {}
        self._warnings: dict[str, str] = {}

    def report(self, source: str, words: str) -> bool:
        """Set the problem of this source, or remove it with no words; whether that is news."""
        news = self._problems.get(source, "") != words
        self._problems[source] = words
        return news

    def warn(self, source: str, words: str) -> None:
        """Set what limits the work, while the process still answers; with no words remove it."""
        self._warnings[source] = words

    def warnings(self) -> tuple[str, ...]:
        """Everything that limits the work, in words."""
        return tuple(filter(None, self._warnings.values()))

    def by_source(self) -> dict[str, str]:
        """The problem or warning of each source in words, empty where there is none."""
        return {**self._warnings, **self._problems, "disk": self.no_room()}

    def problems(self) -> tuple[str, ...]:
        """Every problem in words, the room as it is now."""
        return tuple(words for words in (*self._problems.values(), self.no_room()) if words)

    def no_room(self, times: int = 1) -> str:
        """Which directory has less than the room, or so many times the room, in words; empty if none has."""
        room = times * self._room
        for directory in self.directories:
            try:
                free = shutil.disk_usage(directory).free
            except OSError as error:
                return f"{directory} cannot be read ({error.strerror})"
            if free < room:
                megabytes = f"{free / 1024 / 1024:.0f} MB are free, {room / 1024 / 1024:.0f} MB are needed"
                return f"{'no' if times == 1 else 'little'} room on the disk of {directory}: {megabytes}"
        return ""
