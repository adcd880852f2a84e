"""Values of expressions, and GitHub's loose comparison and conversion of them.

Source: GitHub's documentation "Evaluate expressions in workflows and actions", and the test data of actions/languageservices.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from sandbox.github.expressions.errors import ExpressionError, UnknownValueError


@dataclass(frozen=True, slots=True)
class Unknown:
    """A value that only a real runner could produce, such as what a script prints. `why` says which."""

    why: str


class Incomplete(dict[str, "Value"]):
    """An object with members that only a real runner could produce: what is not in it is unknown. `why` says so."""

    def __init__(self, why: str) -> None:
        super().__init__()
        self.why = why


class Secrets:
    """The secrets: each one is set, and excerpt as `***`."""


class Filtered(list["Value"]):
    """What an object filter (`*`) results in: the next access is made of each item."""


# Test for str before Sequence: a str is both.
Value: TypeAlias = "bool | float | str | Sequence[Value] | Mapping[str, Value] | Secrets | Unknown | None"
Contexts: TypeAlias = Mapping[str, Value]
MASK = "***"
_DOTLESS_I = "\u0131"
_DECIMAL = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_RADIX = {"0x": 16, "0o": 8}
_WORDS = {"Infinity": math.inf, "+Infinity": math.inf, "-Infinity": -math.inf}


def required(value: Value) -> Value:
    """The value itself. Raises UnknownValueError for an unknown one."""
    if isinstance(value, Unknown):
        raise UnknownValueError(value.why)
    return value


def is_primitive(value: Value) -> bool:
    """Whether it is null, a boolean, a number or a string."""
    return value is None or isinstance(value, bool | int | float | str)


def truthy(value: Value) -> bool:
    """Null, false, 0, NaN and the empty string are not; every object and array is."""
    value = required(value)
    if isinstance(value, float) and math.isnan(value):
        return False
    return bool(value) if is_primitive(value) else True


def to_number(value: Value) -> float:
    """The number that GitHub compares with; NaN where there is none."""
    value = required(value)
    if value is None:
        return 0
    if isinstance(value, bool | int | float):
        return value if isinstance(value, float) else int(value)
    return _parsed(value.strip()) if isinstance(value, str) else math.nan


def _parsed(text: str) -> float:
    if not text:
        return 0
    if text in _WORDS:
        return _WORDS[text]
    if _DECIMAL.fullmatch(text):
        number = float(text)
        return int(number) if number.is_integer() and number else number
    try:
        return int(text[2:], _RADIX[text[:2].lower()]) if text[:2].lower() in _RADIX else math.nan
    except ValueError:
        return math.nan


def to_text(value: Value) -> str:
    """The string that an expression becomes in a text: 15 digits of a number, `Object` and `Array` for those."""
    value = required(value)
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return _number_text(value)
    if isinstance(value, str):
        return value
    return "Object" if isinstance(value, Mapping | Secrets) else "Array"


def _number_text(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    # .NET's G15, whose exponent has a capital letter and at least two digits.
    return f"{float(value):.15g}".upper() if value else "0"


def fold(text: str) -> str:
    """A text for comparison without case: capitals, but for the dotless i, as .NET has them."""
    return _DOTLESS_I.join(part.upper() for part in text.split(_DOTLESS_I))


def _comparable(first: Value, second: Value) -> tuple[float | str, float | str] | None:
    """Both as numbers, or both as strings; None where GitHub never finds them equal, less or greater."""
    first, second = required(first), required(second)
    if isinstance(first, str) and isinstance(second, str):
        return fold(first), fold(second)
    if is_primitive(first) and is_primitive(second):
        return to_number(first), to_number(second)
    return None


def equals(first: Value, second: Value) -> bool:
    """`==`: without case, numbers and other primitives as numbers; objects and arrays equal themselves alone."""
    pair = _comparable(first, second)
    return first is second if pair is None else pair[0] == pair[1]


def less(first: Value, second: Value) -> bool:
    """`<`."""
    pair = _comparable(first, second)
    return pair is not None and pair[0] < pair[1]  # type: ignore[operator] # both are numbers, or both strings


def to_json(value: Value) -> str:
    """`toJSON`: two spaces a level."""
    return json.dumps(_plain(value), indent=2, ensure_ascii=False)


def _plain(value: Value) -> object:
    value = required(value)
    if isinstance(value, Secrets):
        return {}
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, float):
        return int(value) if value.is_integer() else value
    if is_primitive(value):
        return value
    return [_plain(item) for item in value] if isinstance(value, Sequence) else None


def from_json(text: str) -> Value:
    """`fromJSON`. Raises ExpressionError for what is no JSON."""
    try:
        value: Value = json.loads(text, parse_constant=_refused)
    except ValueError as error:
        excerpt = text if len(text) < 80 else f"{text[:77]}..."
        raise ExpressionError(f"Error parsing fromJson: {error}, in {excerpt!r}") from error
    return value


def _refused(word: str) -> Value:
    raise ValueError(f"{word} is no JSON")
