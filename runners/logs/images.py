"""The images that Packer names in a log: its list of artifacts, `-machine-readable` output, and a printed manifest."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_LIST = "AMIs were created:"  # then a line for each region, in older versions after an empty line
# A line of -machine-readable: time, build, artifact, its number, "id", then region:image pairs.
# https://developer.hashicorp.com/packer/docs/commands#machine-readable-output
_ARTIFACT = ",artifact,"
# The manifest post-processor writes the same pairs as a text of JSON.
# https://developer.hashicorp.com/packer/docs/post-processors/manifest
_MANIFEST = '"artifact_id":'
LITERALS = (_LIST, _ARTIFACT, _MANIFEST)  # a line that names images has one of them, or follows a list's beginning

_ID = r"([a-z]{2}(?:-[a-z]+)+-\d+): ?(ami-(?:[0-9a-f]{17}|[0-9a-f]{8}))(?![0-9a-f])"
_IMAGE = re.compile(rf"^\s*{_ID}\s*$")
_IMAGES = re.compile(rf"(?<![\w-]){_ID}")
_ARTIFACT_ID = re.compile(r",artifact,\d+,id,(.*)")
_MANIFEST_ID = re.compile(r'"artifact_id": ?"([^"]*)"')


class Images:
    """Collects the images of a log; `listing` while a list of Packer's goes on."""

    def __init__(self) -> None:
        self._images: dict[tuple[str, str], None] = {}
        self.listing = False
        self._begun = False  # the open list has an image

    @property
    def images(self) -> tuple[tuple[str, str], ...]:
        """Region and AMI id, each pair once, in the order of the log."""
        return tuple(self._images)

    def begin(self, text: str) -> None:
        """Read a line that may name images, or begin a list of them."""
        _, announced, after = text.partition(_LIST)
        if announced:
            self.listing, self._begun = not after.strip(), False
            self._add(after.replace("\\n", "\n"))  # with -machine-readable the list is on the same line
        for value in (*_ARTIFACT_ID.findall(text), *_MANIFEST_ID.findall(text)):
            self._add(value)

    def take(self, lines: Iterable[str]) -> None:
        """Read the next lines while a list is open; the first line with anything but an image closes it.

        So does an empty line, except before the first image.
        """
        for line in lines:
            image = _IMAGE.match(line)
            if image:
                self._images[image.group(1), image.group(2)] = None
                self._begun = True
            elif line.strip() or self._begun:
                self.listing = False
                return

    def _add(self, text: str) -> None:
        self._images |= dict.fromkeys(_IMAGES.findall(text))
