"""Tokens of an expression."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Literal

from sandbox.github.expressions.errors import ExpressionError
from sandbox.github.expressions.values import to_number

MAX_LENGTH = 21_000  # characters, GitHub's limit
_BOUNDARY = r"\s()\[\],.!><=&|"
_SPACE = re.compile(r"\s+")
_STRING = re.compile(r"'((?:[^']|'')*)'")
_NUMBER = re.compile(rf"[-+.\d](?:[^{_BOUNDARY}]|\.)*")
_OPERATOR = re.compile(r"&&|\|\||[!=<>]=|[()\[\],.*!<>]")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_WORD = re.compile(rf"[^{_BOUNDARY}]+|.", re.DOTALL)
_KEYWORDS: dict[str, bool | float | None] = {
    "true": True,
    "false": False,
    "null": None,
    "NaN": math.nan,
    "Infinity": math.inf,
}


@dataclass(frozen=True, slots=True)
class Token:
    """A token: `text` as written, `value` of a literal."""

    kind: Literal["literal", "name", "operator"]
    text: str
    value: bool | float | str | None = None


def tokens(expression: str) -> list[Token]:
    """The tokens of an expression. Raises ExpressionError, in GitHub's words, at what is none."""
    if len(expression) > MAX_LENGTH:
        raise ExpressionError(f"an expression of {len(expression)} characters: GitHub takes {MAX_LENGTH}")
    read: list[Token] = []
    at = 0
    while at < len(expression):
        if space := _SPACE.match(expression, at):
            at = space.end()
            continue
        token = _next(expression, at, read[-1] if read else None)
        read.append(token)
        at += len(token.text)
    return read


def _next(expression: str, at: int, previous: Token | None) -> Token:
    # A dot after these reaches into an object; anywhere else it begins a number.
    dereferences = previous is not None and (previous.kind == "name" or previous.text in {"]", ")", "*"})
    if match := _STRING.match(expression, at):
        return Token("literal", match[0], match[1].replace("''", "'"))
    if (match := _NUMBER.match(expression, at)) and not (dereferences and expression[at] == "."):
        number = to_number(match[0])
        if not math.isnan(number):
            return Token("literal", match[0], number)
    elif match := _OPERATOR.match(expression, at):
        return Token("operator", match[0])
    word = _WORD.match(expression, at)
    text = word[0] if word else ""
    if not _NAME.fullmatch(text):
        symbol = expression[at:] if text.startswith("'") else match[0] if match else text
        raise ExpressionError(
            f"Unexpected symbol: '{symbol}'. Located at position {at + 1} within expression: {expression}"
        )
    if text in _KEYWORDS and not (previous is not None and previous.text == "."):
        return Token("literal", text, _KEYWORDS[text])
    return Token("name", text)
