"""What two attribute values are to each other: the same, of which JSON type, as JSON text. Pure."""

from __future__ import annotations

import json
from typing import Any, Final

from runners.terraform.json_plan import Number
from runners.terraform.masking import SENSITIVE, UNKNOWN, Hidden, Masked, Unknown


class Missing:
    """The absence of a value, which is not null: a map without that key, a list without that element."""

    def __repr__(self) -> str:
        return "MISSING"


MISSING: Final = Missing()
_TYPES = {bool: "true or false", int: "number", float: "number", Number: "number", str: "text", list: "list"}


def is_absent(value: Any) -> bool:
    """Whether it is null or missing, which people read as "none"."""
    return value is None or value is MISSING


def is_empty(value: Any) -> bool:
    """Whether it is absent, or a collection without anything in it."""
    return is_absent(value) or value in ([], {})


def same(before: Any, after: Any) -> bool:
    """Whether both are the same JSON value. For Python, true equals 1, and 1 equals 1.0."""
    return bool(before == after) and key(before) == key(after)


def key(value: Any) -> str:
    """A text that is equal for the same JSON values, and for these alone; it holds secrets."""
    match value:
        case Hidden():
            return f"\x00hidden {key(value.value)}"
        case Masked():
            return json.dumps(value.value)
        case Unknown() | Missing():
            return f"\x00{type(value).__name__}"
        case dict():
            fields = sorted((json.dumps(name), key(entry)) for name, entry in value.items())
            return f"{{{','.join(f'{name}:{entry}' for name, entry in fields)}}}"
        case list():
            return f"[{','.join(map(key, value))}]"
        case _:
            return _scalar(value)


def json_text(value: Any) -> str:
    """A masked value as JSON text on one line, with words in place of sensitive and unknown values."""
    match value:
        case Hidden():
            return SENSITIVE
        case Unknown():
            return UNKNOWN
        case Masked():
            return json.dumps(value.masked, ensure_ascii=False)
        case Missing():
            return "null"
        case dict():
            fields = (f"{json.dumps(name, ensure_ascii=False)}: {json_text(entry)}" for name, entry in value.items())
            return f"{{{', '.join(fields)}}}"
        case list():
            return f"[{', '.join(map(json_text, value))}]"
        case str():
            return json.dumps(value, ensure_ascii=False)
        case _:
            return _scalar(value)


def _scalar(value: Any) -> str:
    return value.spelling if isinstance(value, Number) else json.dumps(value)


def type_name(value: Any) -> str:
    """The JSON type in words; empty where a value is absent, sensitive or unknown."""
    if isinstance(value, Hidden | Unknown) or is_absent(value):
        return ""
    return _TYPES.get(type(value), "text" if isinstance(value, Masked) else "object")


def numeric_value(value: Any) -> float | int | None:
    """The value of a number, however it is written; None for anything else."""
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None
