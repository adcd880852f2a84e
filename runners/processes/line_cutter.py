"""Cuts what a program prints into lines, as it comes."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

LONGEST_LINE = 8 << 20  # bytes; a longer line comes in pieces


class LineCutter:
    """Holds the beginning of a line until its end has come."""

    def __init__(self) -> None:
        self._rest = b""

    def take(self, content: bytes) -> Iterator[str]:
        """The lines that end within this content, and a piece of one that is too long."""
        *whole, self._rest = (self._rest + content).split(b"\n")
        for line in whole:
            yield line.decode(errors="replace")
        if len(self._rest) > LONGEST_LINE:
            yield from self.rest()

    def rest(self) -> Iterator[str]:
        """What came after the last end of a line, if anything."""
        rest, self._rest = self._rest, b""
        if rest:
            yield rest.decode(errors="replace")
