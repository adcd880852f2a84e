"""Masking of sensitive values: in texts, and in the attribute values of a plan, which stay comparable. Pure."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

from runners.spellings import Masker

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

SENSITIVE = "(sensitive)"
UNKNOWN = "(known after apply)"
SHORTEST_SECRET = 4  # characters; shorter values are masked only where they are marked: they are part of many texts


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


def masker(sensitive: Collection[str]) -> Masker:
    """Replaces a plan's sensitive values by "(sensitive)" in a text, in every spelling; words only where they stand alone."""
    return Masker(sensitive, SENSITIVE, words=True, shortest=SHORTEST_SECRET)


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


def marks_overlap(first: Any, second: Any) -> bool:
    """Whether a value, or a part of it, is marked by both."""
    if first is True or second is True:
        return marks_any(first) and marks_any(second)
    if isinstance(first, dict) and isinstance(second, dict):
        return any(marks_overlap(first[key], second[key]) for key in first.keys() & second.keys())
    if isinstance(first, list) and isinstance(second, list):
        return any(marks_overlap(*pair) for pair in zip(first, second, strict=False))
    return False


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
