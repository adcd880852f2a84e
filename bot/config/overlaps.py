"""Which directories of a configuration overlap, by whatever names they are reached: links and bind mounts are followed."""

from __future__ import annotations

import os
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Name = str | tuple[int, int]  # a real path; a device with an inode


class Directories:
    """Some directories, resolved once. What overlaps another one is found by name, without comparing all with all.

    A directory has two names: its real path, and its device with its inode where it exists, which a bind mount shares.
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        self._names: dict[Path, tuple[Name, ...]] = {}
        self._named = defaultdict[Name, list[int]](list)  # the directories with this name, by position
        self._inside = defaultdict[Name, list[int]](list)  # the directories that lie in one with this name, or are it
        for position, path in enumerate(paths):
            real = Path(os.path.realpath(path))
            for name in self._names_of(real):
                self._named[name].append(position)
            for name in self._names_around(real):
                self._inside[name].append(position)

    def overlaps(self, path: Path) -> Iterator[tuple[int, str]]:
        """The positions of the directories that overlap this one, in order, each with how: "lies in" is, it lies in `path`."""
        real = Path(os.path.realpath(path))
        inside = {position for name in self._names_of(real) for position in self._inside[name]}
        around = {position for name in self._names_around(real) for position in self._named[name]}
        for position in sorted(inside | around):
            if position in inside:
                yield position, "is the same directory as" if position in around else "lies in"
            else:
                yield position, "contains"

    def _names_around(self, real: Path) -> set[Name]:
        return {name for each in (real, *real.parents) for name in self._names_of(each)}

    def _names_of(self, real: Path) -> tuple[Name, ...]:
        if real not in self._names:
            try:
                status = real.stat()
            except OSError:  # it does not exist yet
                self._names[real] = (str(real),)
            else:
                self._names[real] = (str(real), (status.st_dev, status.st_ino))
        return self._names[real]
