"""Attribute values of a plan: what is sensitive in them, how they differ, how they are shown. Pure."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

SENSITIVE = "(sensitive)"
UNKNOWN = "(known after apply)"
SHORTEST_SECRET = 4  # shorter values are masked where they are marked, but would blank out half of all text elsewhere
LONGEST_TEXT = 400  # characters of one value that are shown
_FEW = 32  # so many values are searched for faster at once
_CONTEXT = 40  # characters before the first difference of two long values
_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Hidden:
    """A sensitive value: it can be compared, and shows as "(sensitive)"."""

    value: Any = field(repr=False)


@dataclass(frozen=True, slots=True)
class Masked:
    """A text with secrets in it: it is compared as it is, and shows masked."""

    text: str
    value: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Unknown:
    """A value that is known only after the apply."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One place where two values differ; None means absent."""

    path: Path
    before: Any
    after: Any


class Masker:
    """Replaces sensitive values by "(sensitive)", wherever in a text they stand.

    Its time depends on the text's length, hardly on how many values there are: a large state has thousands.
    """

    def __init__(self, sensitive: Collection[str]) -> None:
        spellings = {spelling for value in sensitive for spelling in _spellings(value)}
        longest_first = sorted(spellings, key=len, reverse=True)  # or the tail of a longer one would stay
        self._few = _one_of(longest_first) if 0 < len(longest_first) <= _FEW else None
        # All that a text could match at one place begins with the same characters.
        self._by_start: dict[str, list[str]] = {}
        for secret in longest_first:
            self._by_start.setdefault(secret[:SHORTEST_SECRET], []).append(secret)
        self._patterns: dict[str, re.Pattern[str]] = {}

    def __call__(self, text: str) -> str:
        """The text without them."""
        if self._few:
            return self._few.sub(SENSITIVE, text)
        return self._search(text) if self._by_start else text

    def _search(self, text: str) -> str:
        pieces, end = [], 0
        for at in range(len(text) - SHORTEST_SECRET + 1):
            if at >= end and text[at : at + SHORTEST_SECRET] in self._by_start:
                match = self._pattern(text[at : at + SHORTEST_SECRET]).match(text, at)
                if match:
                    pieces += [text[end:at], SENSITIVE]
                    end = match.end()
        return "".join([*pieces, text[end:]]) if pieces else text

    def _pattern(self, start: str) -> re.Pattern[str]:
        if start not in self._patterns:
            self._patterns[start] = _one_of(self._by_start[start])
        return self._patterns[start]


def _spellings(value: str) -> Iterator[str]:
    """The value, and as it stands inside a JSON text."""
    if len(value) >= SHORTEST_SECRET:
        yield value
        yield json.dumps(value)[1:-1]
        yield json.dumps(value, ensure_ascii=False)[1:-1]


def _one_of(values: Sequence[str]) -> re.Pattern[str]:
    return re.compile("|".join(map(_whole_number, values)))


def _whole_number(value: str) -> str:
    return rf"(?<!\d){value}(?!\d)" if value.isdecimal() else re.escape(value)


def scalars(value: Any) -> Iterator[str]:
    """Every string and number inside, as text, that is long enough to be searched for."""
    if isinstance(value, dict):
        for entry in value.values():
            yield from scalars(entry)
    elif isinstance(value, list):
        for entry in value:
            yield from scalars(entry)
    elif value is not None and not isinstance(value, bool):
        text = value if isinstance(value, str) else json.dumps(value)
        if len(text) >= SHORTEST_SECRET:
            yield text


def marked(value: Any, marks: Any) -> Iterator[str]:
    """The scalars of what `marks` marks: true for all of it, or an object or array of marks of the same shape."""
    if marks is True:
        yield from scalars(value)
    elif isinstance(marks, dict) and isinstance(value, dict):
        for key, mark in marks.items():
            yield from marked(value.get(key), mark)
    elif isinstance(marks, list) and isinstance(value, list):
        for entry, mark in zip(value, marks, strict=False):
            yield from marked(entry, mark)


def marks_any(marks: Any) -> bool:
    """Whether there is a true among the marks."""
    if isinstance(marks, dict):
        return any(map(marks_any, marks.values()))
    return any(map(marks_any, marks)) if isinstance(marks, list) else marks is True


def cover(value: Any, sensitive: Any, unknown: Any, mask: Masker) -> Any:
    """The value with `Hidden` and `Unknown` in their places, and known secrets masked inside its texts."""
    if sensitive is True:
        if marks_any(unknown):
            return Hidden(Unknown())
        return None if value is None else Hidden(value)
    if unknown is True:
        return Unknown()
    if isinstance(value, dict) or (value is None and isinstance(unknown, dict) and marks_any(unknown)):
        return _cover_object(value or {}, sensitive, unknown, mask)
    if isinstance(value, list) or (value is None and isinstance(unknown, list) and marks_any(unknown)):
        marks = (_list(value), _list(sensitive), _list(unknown))
        return [cover(entry, is_sensitive, is_unknown, mask) for entry, is_sensitive, is_unknown in zip_longest(*marks)]
    return _cover_scalar(value, mask)


def _cover_object(value: dict[str, Any], sensitive: Any, unknown: Any, mask: Masker) -> dict[str, Any]:
    sensitive, unknown = _dict(sensitive), _dict(unknown)
    keys = dict.fromkeys([*value, *(key for key, mark in unknown.items() if marks_any(mark))])
    return {mask(key): cover(value.get(key), sensitive.get(key), unknown.get(key), mask) for key in keys}


def _cover_scalar(value: Any, mask: Masker) -> Any:
    if isinstance(value, str):
        covered = mask(value)
        return value if covered == value else Masked(covered, value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value if mask(json.dumps(value)) == json.dumps(value) else Hidden(value)
    return value


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def differences(before: Any, after: Any, path: Path = ()) -> Iterator[Difference]:
    """Where two covered values differ, as deep inside as both can be followed; also into JSON held as text."""
    if before == after and show(before) == show(after):  # for Python, true equals 1
        return
    inner = _both_json(before, after)
    if inner:
        before, after = inner
    if _are(dict, before, after):
        before, after = before or {}, after or {}
        for key in dict.fromkeys([*before, *after]):
            yield from differences(before.get(key), after.get(key), (*path, key))
    elif _are(list, before, after) and any(
        isinstance(entry, dict | list) for entry in [*(before or ()), *(after or ())]
    ):
        yield from _list_differences(before or [], after or [], path)
    else:
        yield Difference(path, before, after)


def _are(kind: type, before: Any, after: Any) -> bool:
    """Whether both are of that kind, one perhaps absent, and there is something inside to go on with."""
    both = all(side is None or isinstance(side, kind) for side in (before, after))
    return both and bool(before or after)


def _list_differences(before: list[Any], after: list[Any], path: Path) -> Iterator[Difference]:
    if len(before) == len(after):
        for index, (old, new) in enumerate(zip(before, after, strict=True)):
            yield from differences(old, new, (*path, index))
        return
    # Sets come as arrays: whatever is in both stands for itself, wherever it is.
    for index, old in enumerate(before):
        if old not in after:
            yield Difference((*path, index), old, None)
    for index, new in enumerate(after):
        if new not in before:
            yield Difference((*path, index), None, new)


def _both_json(before: Any, after: Any) -> tuple[Any, Any] | None:
    before, after = (side.text if isinstance(side, Masked) else side for side in (before, after))
    if not (isinstance(before, str) and isinstance(after, str) and before[:1] in {"{", "["}):
        return None
    try:
        inner = json.loads(before), json.loads(after)
    except ValueError:
        return None
    same = type(inner[0]) is type(inner[1]) and inner[0] != inner[1]
    return inner if same else None


def show(value: Any) -> str | None:
    """A covered value as people read it: strings bare, collections as JSON, None for what is absent."""
    if value is None or isinstance(value, Hidden | Masked | Unknown):
        return None if value is None else _plain(value)
    if isinstance(value, str):
        return value or '""'
    return json.dumps(value, default=_plain, ensure_ascii=False)


def _plain(value: Any) -> str:
    if isinstance(value, Masked):
        return value.text
    return SENSITIVE if isinstance(value, Hidden) else UNKNOWN


def show_both(before: Any, after: Any) -> tuple[str | None, str | None]:
    """Both as shown; of long ones the part around their first difference."""
    old, new = show(before), show(after)
    longest = max(len(old or ""), len(new or ""))
    if longest <= LONGEST_TEXT:
        return old, new
    same = _common_start(old or "", new or "") if old and new else 0
    start = max(0, same - _CONTEXT)
    return _window(old, start), _window(new, start)


def _common_start(first: str, second: str) -> int:
    return next(
        (at for at, (a, b) in enumerate(zip(first, second, strict=False)) if a != b), min(len(first), len(second))
    )


def _window(text: str | None, start: int) -> str | None:
    if text is None or len(text) <= LONGEST_TEXT:
        return text
    cut = text[start : start + LONGEST_TEXT]
    return f"{'…' if start else ''}{cut}{'…' if start + LONGEST_TEXT < len(text) else ''}"


def show_path(path: Path) -> str:
    """tags.Name, ingress[0].port, labels["a.b"]."""
    text = ""
    for step in path:
        if isinstance(step, str) and _IDENTIFIER.fullmatch(step):
            text += f".{step}" if text else step
        else:
            text += f"[{json.dumps(step, ensure_ascii=False)}]"
    return text
