"""Requires that files which decide are private: nobody but this user may read or replace them."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from bot.errors import ConfigError, Fault

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path


def make_private_directory(path: Path) -> None:
    """Create the directory with mode 0700, or accept the existing one if it is private. Raises ConfigError."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    require(path)


def require(*paths: Path) -> None:
    """Require that each of these directories and files is private, if it exists. Raises ConfigError with every fault.

    The owner and the mode decide, not what this process could do with the file: root could do everything.
    """
    faults = [Fault(None, "", problem) for problem in _problems(paths)]
    if faults:
        raise ConfigError("files", tuple(faults))


def others_may_write(path: Path) -> bool:
    """Whether users beside the owner and the group may write to the file."""
    return bool(path.stat().st_mode & stat.S_IWOTH)


def _problems(paths: Iterable[Path]) -> Iterator[str]:
    for path in paths:
        try:
            status = path.lstat()
        except FileNotFoundError:
            continue
        mode = "700" if stat.S_ISDIR(status.st_mode) else "600"
        if stat.S_ISLNK(status.st_mode):
            yield f"{path} is a symbolic link; name the place that it leads to, {path.resolve()}"
        elif status.st_uid != os.geteuid():
            yield f"{path} belongs to another user (uid {status.st_uid}); type: chown {os.geteuid()} {path}"
        elif stat.S_IMODE(status.st_mode) & 0o077:
            yield f"other users may read or write {path}; type: chmod {mode} {path}"
    for directory in dict.fromkeys(parent for path in paths for parent in path.resolve().parents):
        # With the sticky bit, as in /tmp, only its owner may rename or remove an entry.
        if directory.is_dir() and (mode_of := directory.stat().st_mode) & stat.S_IWOTH and not mode_of & stat.S_ISVTX:
            yield f"other users may replace what is in {directory}; type: chmod o-w {directory}"
