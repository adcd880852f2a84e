"""GitHub's expressions, `${{ }}`: values, a parser, an evaluation, and texts with expressions in them."""

from __future__ import annotations

from sandbox.github.expressions.errors import ExpressionError, UnknownValueError
from sandbox.github.expressions.evaluation import Status, evaluate
from sandbox.github.expressions.templates import check, condition, displayed, expand, holds, resolved
from sandbox.github.expressions.values import Contexts, Incomplete, Secrets, Unknown, Value, equals, to_text, truthy

__all__ = [
    "Contexts",
    "ExpressionError",
    "Incomplete",
    "Secrets",
    "Status",
    "Unknown",
    "UnknownValueError",
    "Value",
    "check",
    "condition",
    "displayed",
    "equals",
    "evaluate",
    "expand",
    "holds",
    "resolved",
    "to_text",
    "truthy",
]
