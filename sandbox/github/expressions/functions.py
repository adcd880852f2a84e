"""The functions of expressions, but for those that need more than their arguments."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from sandbox.github.expressions.errors import ExpressionError
from sandbox.github.expressions.values import Value, equals, fold, from_json, is_primitive, required, to_json, to_text

# Escaped braces, a place, or a brace that is neither.
_BRACES = re.compile(r"\{\{|\}\}|\{(\d+)([^{}]*)\}|[{}]")


def _contains(search: Value, item: Value) -> Value:
    search, item = required(search), required(item)
    if is_primitive(search):
        return is_primitive(item) and to_text(item).lower() in to_text(search).lower()
    return isinstance(search, Sequence) and any(equals(item, each) for each in search)


def _starts_with(text: Value, start: Value) -> Value:
    return _both_primitive(text, start) and fold(to_text(text)).startswith(fold(to_text(start)))


def _ends_with(text: Value, end: Value) -> Value:
    return _both_primitive(text, end) and fold(to_text(text)).endswith(fold(to_text(end)))


def _both_primitive(first: Value, second: Value) -> bool:
    return is_primitive(required(first)) and is_primitive(required(second))


def _format(text: Value, *values: Value) -> Value:
    pattern = to_text(text)

    def place(match: re.Match[str]) -> str:
        if match[0] in {"{{", "}}"}:
            return match[0][0]
        if match[1] is None or match[2]:
            raise ExpressionError(f"The following format string is invalid: {pattern}")
        if int(match[1]) >= len(values):
            raise ExpressionError(
                f"The following format string references more arguments than were supplied: {pattern}"
            )
        return to_text(values[int(match[1])])

    return _BRACES.sub(place, pattern)


def _join(items: Value, separator: Value = ",") -> Value:
    items, separator = required(items), required(separator)
    if is_primitive(items):
        return to_text(items)
    if isinstance(items, Mapping) or not isinstance(items, Sequence):
        return ""
    return (to_text(separator) if is_primitive(separator) else ",").join(map(to_text, items))


def _from_json(text: Value) -> Value:
    return from_json(to_text(text))


PLAYED: Mapping[str, Callable[..., Value]] = {
    "contains": _contains,
    "endswith": _ends_with,
    "format": _format,
    "fromjson": _from_json,
    "join": _join,
    "startswith": _starts_with,
    "tojson": to_json,
}
