"""The images that Packer lists in a log: "AMIs were created:", then a line for each region."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

ANNOUNCEMENT = "AMIs were created:"
_IMAGE = re.compile(r"^\s*([a-z]{2}(?:-[a-z]+)+-\d+): (ami-[0-9a-f]{8,17})\s*$")


class Images:
    """Collects images from the lines after an announcement; `listing` while their list goes on."""

    def __init__(self) -> None:
        self._images: dict[tuple[str, str], None] = {}
        self.listing = False

    @property
    def images(self) -> tuple[tuple[str, str], ...]:
        """Region and AMI id, each pair once, in the order of the log."""
        return tuple(self._images)

    def take(self, lines: Iterable[str]) -> None:
        """Read the next lines while a list is open; the first line without an image closes it."""
        for line in lines:
            image = _IMAGE.match(line)
            if image is None:
                self.listing = False
                return
            self._images[image.group(1), image.group(2)] = None
