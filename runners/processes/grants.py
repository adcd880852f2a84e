"""Which paths of the machine a configuration may grant to children."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

# Nothing in these is granted: processes, devices, sockets, and files of the system that the wall shows as far as needed.
_SYSTEM = ("bin", "boot", "dev", "etc", "lib", "lib32", "lib64", "libx32", "proc", "run", "sbin", "sys", "usr")
_LEAST_PARTS = 3  # of "/srv/states": a directory directly below / holds what belongs to others


def fault(path: Path, own: Iterable[Path]) -> str | None:
    """Why this path is not granted, for people; None where it may be.

    `own` are the bot's own directories, without symbolic links.
    """
    if not path.is_absolute():
        return f"{path} is not an absolute path"
    for way in (path, Path(os.path.realpath(path))):
        if len(way.parts) < _LEAST_PARTS or way.parts[1] in _SYSTEM or way.parts[-1] == ".ssh":
            return f"{path} has what belongs to the system or to others; name a directory in it"
        for other in own:
            if other.is_relative_to(way) or way.is_relative_to(other):
                return f"{path} has the bot's own files, or lies in them"
    return None
