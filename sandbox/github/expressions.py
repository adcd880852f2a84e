"""The few workflow expressions that the sandbox's workflows use: `${{ matrix.x }}` and status functions."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_EXPRESSION = re.compile(r"\$\{\{\s*([^}]*?)\s*\}\}")
STATUS_FUNCTIONS = ("success()", "always()", "failure()", "cancelled()", "!cancelled()")


class ExpressionError(ValueError):
    """An expression that the stand-in cannot evaluate."""


def expand(text: str, contexts: Mapping[str, Mapping[str, str]]) -> str:
    """`text` with each `${{ context.name }}` replaced; an unset name of an existing context is empty, as on GitHub.

    `secrets.*` become `***`, as in logs.
    """

    def value(match: re.Match[str]) -> str:
        context, _, name = match[1].partition(".")
        if context == "secrets":
            return "***"
        if context not in contexts or not name:
            raise ExpressionError(match[0])
        return contexts[context].get(name, "")

    return _EXPRESSION.sub(value, text)


def condition(text: str | None) -> str:
    """The status function of an `if:`, without its `${{ }}`; success() when there is none.

    ExpressionError for any other expression: an ignored condition would be wrong.
    """
    if text is None:
        return "success()"
    wrapped = _EXPRESSION.fullmatch(text.strip())
    bare = (wrapped[1] if wrapped else text).strip()
    if bare not in STATUS_FUNCTIONS:
        raise ExpressionError(text)
    return bare


def holds(function: str, *, failed: bool, cancelled: bool) -> bool:
    """Whether a status function is true after failed or cancelled jobs."""
    return {
        "success()": not failed and not cancelled,
        "always()": True,
        "failure()": failed and not cancelled,
        "cancelled()": cancelled,
        "!cancelled()": not cancelled,
    }[function]
