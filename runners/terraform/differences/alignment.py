"""Aligns two sequences: which parts of the one are not in the other. Bounded in time and memory for any input. Pure."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from rapidfuzz.distance import LCSseq

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator, Sequence

_MOST_PAIRS = 4_000_000  # of elements that are compared with each other: 4 ms, and 500 kB


class Gap(NamedTuple):
    """Elements `start` to `end` of the first sequence, in whose place the second has `other_start` to `other_end`."""

    start: int
    end: int
    other_start: int
    other_end: int


def gaps(before: Sequence[Hashable], after: Sequence[Hashable]) -> list[Gap]:
    """Where the sequences differ, in order: a longest common subsequence, or an approximation for very long ones."""
    numbers: dict[Hashable, int] = {}
    old = [numbers.setdefault(element, len(numbers)) for element in before]
    new = [numbers.setdefault(element, len(numbers)) for element in after]
    return list(_gaps(old, new, Gap(0, len(old), 0, len(new)), anchored=True))


def _gaps(old: list[int], new: list[int], area: Gap, *, anchored: bool) -> Iterator[Gap]:
    start, end, other_start, other_end = area
    while start < end and other_start < other_end and old[start] == new[other_start]:
        start, other_start = start + 1, other_start + 1
    while start < end and other_start < other_end and old[end - 1] == new[other_end - 1]:
        end, other_end = end - 1, other_end - 1
    area = Gap(start, end, other_start, other_end)
    if (end - start) * (other_end - other_start) <= _MOST_PAIRS:
        yield from _compared(old, new, area)
    elif anchored:
        for between in _between_anchors(old, new, area):
            yield from _gaps(old, new, between, anchored=False)
    else:
        yield area


def _compared(old: list[int], new: list[int], area: Gap) -> Iterator[Gap]:
    start, end, other_start, other_end = area
    open_gap: Gap | None = None
    for step in LCSseq.opcodes(old[start:end], new[other_start:other_end]):
        if step.tag == "equal":
            if open_gap:
                yield open_gap
            open_gap = None
            continue
        first = open_gap or Gap(start + step.src_start, 0, other_start + step.dest_start, 0)
        open_gap = Gap(first.start, start + step.src_end, first.other_start, other_start + step.dest_end)
    if open_gap:
        yield open_gap


def _between_anchors(old: list[int], new: list[int], area: Gap) -> Iterator[Gap]:
    """The areas between elements that both have exactly once and in the same order (as in patience diff)."""
    once_old = _positions_of_unique(old, area.start, area.end)
    once_new = _positions_of_unique(new, area.other_start, area.other_end)
    pairs = sorted((at, once_new[element]) for element, at in once_old.items() if element in once_new)
    start, other_start = area.start, area.other_start
    for at, other in _increasing(pairs):
        yield Gap(start, at, other_start, other)
        start, other_start = at + 1, other + 1
    yield Gap(start, area.end, other_start, area.other_end)


def _positions_of_unique(sequence: list[int], start: int, end: int) -> dict[int, int]:
    counted = Counter(sequence[start:end])
    return {sequence[at]: at for at in range(start, end) if counted[sequence[at]] == 1}


def _increasing(pairs: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The longest run of these pairs, sorted by their first numbers, in which the second numbers increase, too."""
    ends: list[int] = []  # the smallest last number of a run of each length
    positions: list[int] = []
    previous: list[int] = []
    for position, (_, other) in enumerate(pairs):
        length = bisect_left(ends, other)
        previous.append(positions[length - 1] if length else -1)
        if length == len(ends):
            ends.append(other)
            positions.append(position)
        else:
            ends[length], positions[length] = other, position
    run, at = [], positions[-1] if positions else -1
    while at >= 0:
        run.append(pairs[at])
        at = previous[at]
    return run[::-1]
