"""Which of several names somebody probably meant: letters that are left out, doubled, swapped, or of the other case."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rapidfuzz import fuzz
from rapidfuzz.distance import OSA

if TYPE_CHECKING:
    from collections.abc import Iterable

CLOSE_ENOUGH = 60  # per cent


def ranked(word: str, names: Iterable[str]) -> list[str]:
    """The names, the most similar first; names that are equally similar by name."""
    return sorted(dict.fromkeys(names), key=lambda name: (*_distance(word, name), name))


def nearest(word: str, names: Iterable[str]) -> str:
    """The most similar name; "" where none is similar."""
    best = next(iter(ranked(word, names)), "")
    return best if best and is_near(word, best) else ""


def is_near(word: str, name: str) -> bool:
    """Whether one may be a misspelling of the other."""
    first, second = word.casefold(), name.casefold()
    slips = OSA.distance(first, second)
    if slips <= 1 and min(len(first), len(second)) > 0 and max(len(first), len(second)) > 1:
        return True
    return slips <= 0.4 * max(len(first), len(second)) or fuzz.ratio(first, second) >= CLOSE_ENOUGH


def is_slip(word: str, name: str) -> bool:
    """Whether one is surely a misspelling of the other: a letter or two of it, or its case."""
    slips, shortest = OSA.distance(word.casefold(), name.casefold()), min(len(word), len(name))
    return slips <= (2 if shortest > 7 else 1 if shortest > 1 else 0)


def _distance(word: str, name: str) -> tuple[float, float]:
    """A swap of two letters is one slip. The other case is less than a slip."""
    first, second = word.casefold(), name.casefold()
    longest = max(len(first), len(second)) or 1
    return min(OSA.distance(first, second) / longest, 1 - fuzz.ratio(first, second) / 100), OSA.distance(word, name)
