"""Texts of a workflow file with `${{ }}` in them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from sandbox.github.expressions.errors import ExpressionError, UnknownValueError
from sandbox.github.expressions.evaluation import Status, asks_status, evaluate
from sandbox.github.expressions.parser import parse
from sandbox.github.expressions.values import to_text, truthy

if TYPE_CHECKING:
    from sandbox.github.expressions.values import Contexts, Value

# A quoted string may have braces in it.
_EXPRESSION = re.compile(r"\$\{\{((?:'(?:[^']|'')*'|[^'])*?)\}\}", re.DOTALL)
UNKNOWN = "(unknown here)"


def expressions(text: str) -> list[str]:
    """The expressions in a text. Raises ExpressionError for one that is not closed."""
    if "${{" in _EXPRESSION.sub("", text):
        raise ExpressionError(f"The expression is not closed. An unescaped ${{{{ sequence was found in {text!r}")
    return [match[1].strip() for match in _EXPRESSION.finditer(text)]


def expand(text: str, contexts: Contexts) -> str:
    """`text` with each expression replaced by its value. Raises ExpressionError as `evaluate` does."""
    return _EXPRESSION.sub(lambda match: to_text(evaluate(match[1].strip(), contexts)), text)


def displayed(text: str, contexts: Contexts) -> str:
    """Like `expand`, for texts that people alone read: what only a runner could know is `(unknown here)`."""

    def value(match: re.Match[str]) -> str:
        try:
            return to_text(evaluate(match[1].strip(), contexts))
        except UnknownValueError:
            return UNKNOWN

    return _EXPRESSION.sub(value, text)


def resolved(written: Value, contexts: Contexts) -> Value:
    """A part of a workflow file with its expressions evaluated: a text that is one expression becomes its value."""
    if isinstance(written, str):
        whole = _whole(written)
        return evaluate(whole, contexts) if whole is not None else expand(written, contexts)
    if isinstance(written, Mapping):
        return {key: resolved(value, contexts) for key, value in written.items()}
    if isinstance(written, Sequence):
        return [resolved(value, contexts) for value in written]
    return written


def _whole(text: str) -> str | None:
    """The expression that a text is, if it is a single one and nothing else."""
    stripped = text.strip()
    first = _EXPRESSION.match(stripped)
    return first[1].strip() if first and first.end() == len(stripped) else None


def condition(written: Value) -> str:
    """The expression of an `if:`, checked; `success()` without one, and together with one that asks for no status.

    A text with `${{ }}` in a part of it becomes a string, which is true, as on GitHub. Raises ExpressionError.
    """
    text = "" if written is None else to_text(written).strip()
    whole = _whole(text)
    bare = text if whole is None else whole
    if not bare:
        return "success()"
    if whole is None and expressions(text):
        return "success()"
    return bare if asks_status(parse(bare)) else f"success() && ({bare})"


def holds(expression: str, contexts: Contexts, status: Status) -> bool:
    """Whether a condition holds. Raises ExpressionError as `evaluate` does."""
    return truthy(evaluate(expression, contexts, status))


def check(written: object) -> None:
    """Raise ExpressionError for the first expression in a part of a workflow file that GitHub would refuse."""
    for text in _texts(written):
        for expression in expressions(text):
            parse(expression)


def _texts(written: object) -> Iterator[str]:
    if isinstance(written, str):
        yield written
    elif isinstance(written, Mapping):
        for key, value in written.items():
            yield from _texts(key)
            yield from _texts(value)
    elif isinstance(written, Sequence):
        for value in written:
            yield from _texts(value)
