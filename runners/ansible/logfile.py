"""All that Ansible printed, masked, as a file."""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from pathlib import Path

LARGEST = 64 << 20  # bytes; what comes after is only counted
LONGEST = 4 << 20  # bytes: what of it goes into a channel
log = logging.getLogger(__name__)


class LogFile:
    """A file (0600) that is begun anew with each reading of a run's output. A full disk ends it, and not the run."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: TextIO | None = None
        self._written = 0
        self._left_out = 0

    def write(self, line: str) -> None:
        """Add a line."""
        if self._written > LARGEST:
            self._left_out += 1
            return
        try:
            if self._file is None:
                flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW
                self._file = os.fdopen(os.open(self._path, flags, 0o600), "w", encoding="utf-8", errors="replace")
            self._written += self._file.write(line + "\n")
        except OSError as error:
            log.warning("the log of a playbook cannot be written: %s", error)
            self._written = LARGEST + 1

    def close(self) -> None:
        """Bring what is left to the disk."""
        if self._file is None:
            return
        try:
            if self._left_out:
                self._file.write(f"({self._left_out} more lines are left out)\n")
            self._file.close()
        except OSError as error:
            log.warning("the end of a playbook's log is lost: %s", error)
        self._file = None


def read_log(path: Path) -> str:
    """The log as it is shown: whole, or where it is too long for that its beginning and its end."""
    try:
        whole = path.stat().st_size
        with path.open("rb") as file:
            if whole <= LONGEST:
                return file.read().decode(errors="replace")
            head = file.read(LONGEST // 4)
            file.seek(-3 * LONGEST // 4, os.SEEK_END)
            tail = file.read()
    except FileNotFoundError:
        return ""
    gap = whole - len(head) - len(tail)
    return f"{head.decode(errors='replace')}\n… {gap:,} bytes are left out here …\n{tail.decode(errors='replace')}"
