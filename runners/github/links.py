"""Where an archive's symbolic links lead, from their texts: each link is resolved once, however many lead through it.

`os.path.realpath` resolves all links on the way again for each link: 200 links in 4 KB take it a minute.
"""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

DEEPEST = 100  # links through each other; Linux follows 40


class OutsideError(Exception):
    """A link leads out of the archive's files."""


class TooManyLinksError(Exception):
    """A link leads through too many others."""


class Links:
    """The links of an archive: their targets by their paths. No link lies in a directory that is a link."""

    def __init__(self, targets: Mapping[str, str]) -> None:
        self._targets = targets
        # The path that a link leads to, and through how many links; the path is None where the links form a circle.
        self._resolved: dict[str, tuple[str | None, int]] = {}
        self._under_way: set[str] = set()

    def check(self, path: str) -> None:
        """Raises OutsideError or TooManyLinksError if the link leads outside, or through too many others."""
        self._resolve(path)

    def _resolve(self, path: str) -> tuple[str | None, int]:
        if path in self._resolved:
            return self._resolved[path]
        if path in self._under_way:
            return None, 0  # a circle: the kernel opens nothing through it
        if len(self._under_way) >= DEEPEST:
            raise TooManyLinksError
        self._under_way.add(path)
        try:
            self._resolved[path] = self._walk(posixpath.dirname(path), self._targets[path])
        finally:
            self._under_way.discard(path)
        return self._resolved[path]

    def _walk(self, current: str, target: str) -> tuple[str | None, int]:
        deepest = 0
        for part in target.split("/"):
            if part in ("", "."):
                continue
            if part == "..":
                if not current:
                    raise OutsideError
                current = posixpath.dirname(current)
                continue
            following = posixpath.join(current, part)
            if following in self._targets:
                real, depth = self._resolve(following)
                deepest = max(deepest, depth)
                if real is None:
                    return None, deepest
                following = real
            current = following
        if deepest >= DEEPEST:
            raise TooManyLinksError
        return current, deepest + 1
