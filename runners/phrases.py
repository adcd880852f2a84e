"""Counts, plurals, lists and durations in words, the same in every message."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import timedelta


def plural(count: int, singular: str, many: str = "") -> str:
    """The form of a word for this count; without `many`, more than one takes an s."""
    return singular if count == 1 else many or f"{singular}s"


def counted(count: int, singular: str, many: str = "") -> str:
    """A number of things: "1 host", "2 hosts"."""
    return f"{count} {plural(count, singular, many)}"


def listed(names: Sequence[str], most: int) -> str:
    """The first names, and the number of the others: "a, b and 3 more"."""
    return _joined(names[:most], len(names) - most)


def listed_of(names: Sequence[str], total: int) -> str:
    """The same of a list of which only the first names are given."""
    return _joined(names, total - len(names))


def rest(hidden: int, before: str = "and", noun: str = "") -> list[str]:
    """The line under a list that was cut, "and 3 more", or none where nothing is hidden; `noun` as for many."""
    return [" ".join(filter(None, [before, f"{hidden} more", noun]))] if hidden > 0 else []


def duration(seconds: float) -> str:
    """Seconds in words: 8 s, 2 min 5 s, 1 h 4 min."""
    whole = max(0, int(seconds))
    if whole < 60:
        return f"{whole} s"
    return f"{whole // 60} min {whole % 60} s" if whole < 3_600 else _hours(whole)


def minutes(seconds: float) -> str:
    """A duration for what is updated once a minute: under a minute, 45 min, 1 h 4 min."""
    whole = max(0, int(seconds))
    if whole < 60:
        return "under a minute"
    return f"{whole // 60} min" if whole < 3_600 else _hours(whole)


def span(length: timedelta) -> str:
    """A span of time: less than a minute, 25 min, 3 h 5 min, 12 d."""
    whole = int(length.total_seconds())
    if whole < 60:
        return "less than a minute"
    if whole < 3_600:
        return f"{whole // 60} min"
    if whole < 48 * 3_600:
        return _hours(whole).removesuffix(" 0 min")
    return f"{whole // 86_400} d"


def age(seconds: float) -> str:
    """An age in its largest unit: 45 min, 7 h, 12 d."""
    for unit, length in (("d", 86_400), ("h", 3_600)):
        if seconds >= length:
            return f"{int(seconds // length)} {unit}"
    return f"{max(0, int(seconds // 60))} min"


def _hours(seconds: int) -> str:
    return f"{seconds // 3_600} h {seconds % 3_600 // 60} min"


def _joined(names: Iterable[str], hidden: int) -> str:
    return " ".join([", ".join(names), *rest(hidden)])
