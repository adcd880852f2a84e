"""Where two texts differ: line by line, of a long line part by part, with words for what the eye cannot see. Pure."""

from __future__ import annotations

import json
import re
import unicodedata
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from runners import invisible, phrases
from runners.terraform.differences import visible
from runners.terraform.differences.alignment import Gap, gaps

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_PARTS = re.compile(r"\w{1,32}|\W")  # what a long line is aligned by
_MOST_SINGLE_LINES = 24  # of a rewritten passage whose lines are displayed one by one
_MOST_EXPLAINED = 20_000  # characters of a text


class Piece(NamedTuple):
    """A place where two texts differ: what either has there (None: nothing), and where and how they differ."""

    before: str | None
    after: str | None
    note: str = ""


def pieces(before: str, after: str, limit: int) -> Iterator[Piece]:
    """The places where two different texts differ, each on lines of about `limit` characters."""
    if "\n" not in before and "\n" not in after:
        yield from _within_line(before, after, limit, "")
        return
    (old, old_ends), (new, new_ends) = _lines(before), _lines(after)
    if set(old_ends) != set(new_ends):
        if old == new:
            yield _only_line_ends(before, after, old_ends, new_ends, limit)
            return
        yield Piece(_ends_in_words(old_ends), _ends_in_words(new_ends), "line ends")
    else:
        old, new = before.split("\n"), after.split("\n")
    for gap in gaps(old, new):
        yield from _between_lines(old, new, gap, limit)


def _lines(text: str) -> tuple[list[str], list[str]]:
    """The lines without their ends, and their ends."""
    lines = text.split("\n")
    ends = ["CRLF" if line.endswith("\r") else "LF" for line in lines[:-1]]
    return [*(line.removesuffix("\r") for line in lines[:-1]), lines[-1]], ends


def _ends_in_words(ends: Sequence[str]) -> str:
    return " and ".join(f"{count:,} {kind}" for kind, count in sorted(Counter(ends).items())) or "none"


def _only_line_ends(before: str, after: str, old_ends: Sequence[str], new_ends: Sequence[str], limit: int) -> Piece:
    first = next(number for number, (old, new) in enumerate(zip(old_ends, new_ends, strict=True), 1) if old != new)
    counted = f"{_ends_in_words(old_ends)} → {_ends_in_words(new_ends)}"
    return Piece(*visible.windows(before, after, limit), f"only line ends differ: {counted}; first in line {first}")


def _between_lines(old: list[str], new: list[str], gap: Gap, limit: int) -> Iterator[Piece]:
    removed, added = old[gap.start : gap.end], new[gap.other_start : gap.other_end]
    if len(removed) == len(added) <= _MOST_SINGLE_LINES:
        for at, (line, other) in enumerate(zip(removed, added, strict=True)):
            if line != other:
                yield from _within_line(line, other, limit, f"line {gap.other_start + at + 1}")
    elif len(removed) + len(added) <= _MOST_SINGLE_LINES:
        for at, line in enumerate(removed):
            yield Piece(visible.one_line(line, limit) or '""', None, f"line {gap.start + at + 1} removed")
        for at, line in enumerate(added):
            yield Piece(None, visible.one_line(line, limit) or '""', f"line {gap.other_start + at + 1} added")
    else:
        yield _passage(removed, added, gap, limit)


def _passage(removed: list[str], added: list[str], gap: Gap, limit: int) -> Piece:
    before, after = "\n".join(removed), "\n".join(added)
    if not removed:
        note = f"{len(added):,} lines added, from line {gap.other_start + 1}"
        return Piece(None, visible.one_line(after, limit), note)
    if not added:
        note = f"{len(removed):,} lines removed, from line {gap.start + 1}"
        return Piece(visible.one_line(before, limit), None, note)
    note = f"from line {gap.start + 1}: {phrases.counted(len(removed), 'line')} became {len(added):,}"
    # A passage of which the other is the beginning still has more lines.
    return Piece(*visible.windows(before, after, limit), note)


def _within_line(before: str, after: str, limit: int, where: str) -> Iterator[Piece]:
    if max(len(before), len(after)) <= limit:
        yield Piece(*_pair(before, after, limit), _joined(where, explain(before, after)))
        return
    for area in _parts(before, after):
        old, new = before[area.start : area.end], after[area.other_start : area.other_end]
        position = f"character {area.start + visible.common_start(old, new) + 1:,}"
        place = f"{where}, {position}" if where else position
        yield Piece(*_around(before, after, area, limit), _joined(place, explain(old, new)))


def _around(before: str, after: str, area: Gap, limit: int) -> tuple[str, str]:
    """Windows of two texts around an area in which they differ."""
    prefix = min(visible.CONTEXT, area.start, area.other_start)  # these are the same in both
    ends = min(len(before), area.end + visible.CONTEXT), min(len(after), area.other_end + visible.CONTEXT)
    old, new = visible.windows(before[area.start - prefix : ends[0]], after[area.other_start - prefix : ends[1]], limit)
    first = "…" if area.start > prefix or area.other_start > prefix else ""
    lasts = ("…" if ends[0] < len(before) else "", "…" if ends[1] < len(after) else "")
    return f"{first}{old.removeprefix(first)}{lasts[0]}", f"{first}{new.removeprefix(first)}{lasts[1]}"


def _pair(before: str, after: str, limit: int) -> tuple[str, str]:
    """Two short lines; an empty one is displayed as "" and, beside it, one that reads like that in quotes, too."""
    if before and after:
        return visible.windows(before, after, limit)
    old, new = (
        json.dumps(line) if not line or line[0] == '"' else visible.one_line(line, limit) for line in (before, after)
    )
    return old, new


def _parts(before: str, after: str) -> Iterator[Gap]:
    """The areas, in characters, in which two long lines differ; those near to each other are one."""
    old, new = _PARTS.findall(before), _PARTS.findall(after)
    merged: Gap | None = None
    old_offsets, new_offsets = _offsets(old), _offsets(new)
    for gap in gaps(old, new):
        area = Gap(
            old_offsets[gap.start], old_offsets[gap.end], new_offsets[gap.other_start], new_offsets[gap.other_end]
        )
        if merged and area.start - merged.end <= visible.CONTEXT:
            merged = Gap(merged.start, area.end, merged.other_start, area.other_end)
            continue
        if merged:
            yield merged
        merged = area
    if merged:
        yield merged


def _offsets(parts: Sequence[str]) -> list[int]:
    offsets = [0]
    for part in parts:
        offsets.append(offsets[-1] + len(part))
    return offsets


def explain(before: str, after: str) -> str:
    """What the eye cannot see of the difference between two texts, in words; empty where it sees all."""
    if max(len(before), len(after)) > _MOST_EXPLAINED:
        return ""
    if before.replace("\r\n", "\n") == after.replace("\r\n", "\n"):
        return "only line ends differ (CRLF, LF)"
    if _without_invisible(before) == _without_invisible(after):
        return f"only invisible characters differ: {_names(before, after)}"
    if "".join(before.split()) == "".join(after.split()):
        names = _names(before, after)
        return f"only white space differs{f': {names}' if names else ''}"
    if unicodedata.normalize("NFC", before) == unicodedata.normalize("NFC", after):
        return f"only the Unicode normalization differs: {_names(before, after, every=True)}"
    if visible.look_alike(before, after):
        return f"characters that look alike: {_names(before, after, every=True)}"
    names = _names(before, after)
    return f"has invisible characters: {names}" if names else ""


def _without_invisible(text: str) -> str:
    return "".join(character for character in text if character.isspace() or not invisible.is_invisible(character))


def _names(before: str, after: str, *, every: bool = False) -> str:
    """The names of the invisible characters (or of `every` character) that one of the texts has more often."""
    old, new = Counter(before), Counter(after)
    differing = [character for character in (old - new) + (new - old) if every or invisible.is_invisible(character)]
    named = [invisible.name_of(character) for character in differing if every or character not in "\r\n\t"]
    return phrases.listed_of(named[:3], len(named)) if named else ""


def _joined(*notes: str) -> str:
    return "; ".join(note for note in notes if note)
