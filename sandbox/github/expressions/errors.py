"""What can be wrong with an expression."""

from __future__ import annotations


class ExpressionError(ValueError):
    """An expression that GitHub refuses, or that the stand-in cannot evaluate; the message says which and why."""


class UnknownValueError(ExpressionError):
    """An expression that depends on a value that only a real runner could produce."""
