"""Finds the few lines of a block that are worth a closer look, at the speed of the machine's memory, nearly."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING

from runners.logs.literals import squeeze

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

# Shorter texts that many needles have in common: looking for one of these spares looking for all of those.
STEMS = (
    b"error",
    b"fail",
    b"fatal",
    b"notfound",
    b"unableto",
    b"couldnot",
    b"nosuchfile",
    b"exception",
    b"memory",
)
# Needles that share a byte that is rare in logs are looked for together, around it: one search instead of many.
RAREST = b"#!"
RARE = RAREST + b"xfyzqj"


class Sieve:
    """Knows the lines of which the squeezed text holds one of the needles; with `everything` all lines."""

    def __init__(self, needles: Iterable[bytes], *, everything: bool = False) -> None:
        self._everything = everything
        groups: defaultdict[int | None, list[bytes]] = defaultdict(list)
        for needle in _fewest(needles):
            rare = next((byte for byte in RARE if byte in needle), None)
            groups[rare].append(needle)
        together = {rare: group for rare, group in groups.items() if rare and (len(group) > 1 or rare in RAREST)}
        self._plain = [needle for rare, group in groups.items() if rare not in together for needle in group]
        self._around = [re.compile(_around(bytes([rare]), group)) for rare, group in together.items()]

    def lines(self, block: bytes) -> tuple[int, list[int]]:
        """How many line breaks the block has, and the numbers of the lines to look at, from 0, rising."""
        if self._everything:
            breaks = block.count(b"\n")
            return breaks, list(range(breaks + (not block.endswith(b"\n"))))
        text = squeeze(block)
        numbers: list[int] = []
        number = before = 0
        for at in sorted(self._hits(text)):
            number += text.count(b"\n", before, at)
            before = at
            if not numbers or numbers[-1] != number:
                numbers.append(number)
        return number + text.count(b"\n", before), numbers

    def _hits(self, text: bytes) -> Iterator[int]:
        for needle in self._plain:
            at = text.find(needle)
            while at >= 0:
                yield at
                end = text.find(b"\n", at)  # one hit in a line is enough
                at = text.find(needle, end) if end >= 0 else -1
        for expression in self._around:
            for found in expression.finditer(text):
                yield found.start()


def _fewest(needles: Iterable[bytes]) -> list[bytes]:
    stems = {stem(needle) for needle in needles}
    return sorted(one for one in stems if not any(other in one for other in stems - {one}))


def stem(needle: bytes) -> bytes:
    """What is looked for in place of the needle: a part of it that others have as well, or itself."""
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
