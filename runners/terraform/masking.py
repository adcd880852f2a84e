"""Masking of sensitive values: in texts, and in the attribute values of a plan, which stay comparable. Pure."""

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
SHORTEST_SECRET = 4  # characters; shorter values are masked only where they are marked: they are part of many texts
_FEW = 32  # up to so many values, one pattern of all is faster


@dataclass(frozen=True, slots=True)
class Hidden:
    """A sensitive value: compared by its value, displayed as "(sensitive)"."""

    value: Any = field(repr=False)


@dataclass(frozen=True, slots=True)
class Masked:
    """A text that contains secrets: compared by its value, displayed masked."""

    masked: str
    value: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Unknown:
    """A value that is unknown until the apply."""


class Masker:
    """Replaces sensitive values by "(sensitive)" anywhere in a text.

    Its time depends on the text's length, and hardly on the number of values: a large state has thousands.
    """

    def __init__(self, sensitive: Collection[str]) -> None:
        spellings = {spelling for value in sensitive for spelling in _spellings(value)}
        longest_first = sorted(spellings, key=len, reverse=True)  # or the end of a longer value would stay
        self._few = _pattern_of(longest_first) if 0 < len(longest_first) <= _FEW else None
        # All values that can match at one position begin with the same characters.
        self._by_start: dict[str, list[str]] = {}
        for secret in longest_first:
            self._by_start.setdefault(secret[:SHORTEST_SECRET], []).append(secret)
        self._patterns: dict[str, re.Pattern[str]] = {}

    def __call__(self, text: str) -> str:
        """The text with the sensitive values replaced."""
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
            self._patterns[start] = _pattern_of(self._by_start[start])
        return self._patterns[start]


def _spellings(value: str) -> Iterator[str]:
    """The value as it is, and as it is inside a JSON text."""
    if len(value) >= SHORTEST_SECRET:
        yield value
        yield json.dumps(value)[1:-1]
        yield json.dumps(value, ensure_ascii=False)[1:-1]


def _pattern_of(values: Sequence[str]) -> re.Pattern[str]:
    return re.compile("|".join(map(_value_pattern, values)))


def _value_pattern(value: str) -> str:
    return rf"(?<!\d){value}(?!\d)" if value.isdecimal() else re.escape(value)


def scalars(value: Any) -> Iterator[str]:
    """Every string and number inside, as text, that is long enough to be masked elsewhere."""
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


def marked_scalars(value: Any, marks: Any) -> Iterator[str]:
    """The scalars that `marks` marks: true for the whole value, or an object or array of marks of the value's shape."""
    if marks is True:
        yield from scalars(value)
    elif isinstance(marks, dict) and isinstance(value, dict):
        for key, mark in marks.items():
            yield from marked_scalars(value.get(key), mark)
    elif isinstance(marks, list) and isinstance(value, list):
        for entry, mark in zip(value, marks, strict=False):
            yield from marked_scalars(entry, mark)


def marks_any(marks: Any) -> bool:
    """Whether any mark is true."""
    if isinstance(marks, dict):
        return any(map(marks_any, marks.values()))
    return any(map(marks_any, marks)) if isinstance(marks, list) else marks is True


def mask_value(value: Any, sensitive: Any, unknown: Any, mask: Masker) -> Any:
    """The value with `Hidden` and `Unknown` where it is marked, and secrets masked inside its texts.

    `sensitive` and `unknown` are marks of the value's shape.
    """
    if sensitive is True:
        if marks_any(unknown):
            return Hidden(Unknown())
        return None if value is None else Hidden(value)
    if unknown is True:
        return Unknown()
    if isinstance(value, dict) or (value is None and isinstance(unknown, dict) and marks_any(unknown)):
        return _mask_object(value or {}, sensitive, unknown, mask)
    if isinstance(value, list) or (value is None and isinstance(unknown, list) and marks_any(unknown)):
        marks = (_list(value), _list(sensitive), _list(unknown))
        return [
            mask_value(entry, is_sensitive, is_unknown, mask) for entry, is_sensitive, is_unknown in zip_longest(*marks)
        ]
    return _mask_scalar(value, mask)


def _mask_object(value: dict[str, Any], sensitive: Any, unknown: Any, mask: Masker) -> dict[str, Any]:
    sensitive, unknown = _dict(sensitive), _dict(unknown)
    keys = dict.fromkeys([*value, *(key for key, mark in unknown.items() if marks_any(mark))])
    return {mask(key): mask_value(value.get(key), sensitive.get(key), unknown.get(key), mask) for key in keys}


def _mask_scalar(value: Any, mask: Masker) -> Any:
    if isinstance(value, str):
        masked = mask(value)
        return value if masked == value else Masked(masked, value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value if mask(json.dumps(value)) == json.dumps(value) else Hidden(value)
    return value


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
