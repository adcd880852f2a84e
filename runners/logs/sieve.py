"""Finds the few lines of a block that are worth a closer look, at the speed of the machine's memory, nearly."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

from runners.logs.literals import STEMS, squeeze

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

# Needles that share a byte that is rare in logs are looked for together, around it: one search instead of many.
RAREST = b"#!"
RARE = RAREST + b"xfyzqj"


class Candidate(NamedTuple):
    """A line to look at: its number in the block, from 0, and what may be in it: at least one of these is."""

    number: int
    parts: Sequence[bytes]


class Sieve:
    """Knows the lines of which the squeezed text holds one of the needles; with `everything` all lines.

    It looks for parts of needles (see `part`), since many needles have one in common.
    """

    def __init__(self, needles: Iterable[bytes], *, everything: bool = False) -> None:
        self._everything = everything
        self.parts = _fewest(needles)
        groups: defaultdict[int | None, list[bytes]] = defaultdict(list)
        for part in self.parts:
            groups[next((byte for byte in RARE if byte in part), None)].append(part)
        together = {rare: group for rare, group in groups.items() if rare and (len(group) > 1 or rare in RAREST)}
        self._plain = [part for rare, group in groups.items() if rare not in together for part in group]
        self._around = [(re.compile(_around(bytes([rare]), group)), group) for rare, group in together.items()]

    def part(self, needle: bytes) -> bytes:
        """What is looked for in place of one of the needles."""
        return next(part for part in self.parts if part in needle)

    def lines(self, block: bytes) -> tuple[int, list[Candidate]]:
        """How many line breaks the block has, and the lines to look at, in order."""
        if self._everything:
            breaks = block.count(b"\n")
            return breaks, [Candidate(number, self.parts) for number in range(breaks + (not block.endswith(b"\n")))]
        text = squeeze(block)
        found: list[Candidate] = []
        number = before = 0
        for at, parts in sorted(self._hits(text)):
            number += text.count(b"\n", before, at)
            before = at
            if found and found[-1].number == number:
                found[-1] = Candidate(number, [*found[-1].parts, *parts])
            else:
                found.append(Candidate(number, parts))
        return number + text.count(b"\n", before), found

    def _hits(self, text: bytes) -> Iterator[tuple[int, list[bytes]]]:
        for part in self._plain:
            at = text.find(part)
            while at >= 0:
                yield at, [part]
                end = text.find(b"\n", at)  # one hit in a line is enough
                at = text.find(part, end) if end >= 0 else -1
        for expression, group in self._around:
            for found in expression.finditer(text):
                yield found.start(), group


def _fewest(needles: Iterable[bytes]) -> list[bytes]:
    stems = {_stem(needle) for needle in needles}
    return sorted(stem for stem in stems if not any(other in stem for other in stems - {stem}))


def _stem(needle: bytes) -> bytes:
    return next((stem for stem in STEMS if stem in needle), needle)


def _around(rare: bytes, needles: list[bytes]) -> bytes:
    """An expression for the rare byte with what stands around it, so that the search is one for a single byte."""
    sides = []
    for needle in needles:
        head, _, tail = needle.partition(rare)
        sides.append(
            (b"(?<=" + re.escape(head + rare) + b")" if head else b"")
            + (b"(?=" + re.escape(tail) + b")" if tail else b"")
        )
    return re.escape(rare) + b"(?:" + b"|".join(sides) + b")"
