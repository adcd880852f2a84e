"""The images that Packer says it made: "AMIs were created:", then a line for each region."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

ANNOUNCED = "AMIs were created:"
_IMAGE = re.compile(r"^\s*([a-z]{2}(?:-[a-z]+)+-\d+): (ami-[0-9a-f]{8,17})\s*$")


class Images:
    """Takes the lines that follow an announcement, and knows when the list is over."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str], None] = {}
        self.listing = False

    @property
    def found(self) -> tuple[tuple[str, str], ...]:
        """Region and AMI id, each pair once, in the order of the log."""
        return tuple(self._found)

    def take(self, lines: Iterable[str]) -> None:
        """The next lines while a list is open; the first that is no image closes it."""
        for line in lines:
            image = _IMAGE.match(line)
            if image is None:
                self.listing = False
                return
            self._found[image.group(1), image.group(2)] = None
