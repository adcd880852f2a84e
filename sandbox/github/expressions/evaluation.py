"""Evaluates the tree of an expression."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sandbox.github.expressions.errors import ExpressionError
from sandbox.github.expressions.functions import PLAYED
from sandbox.github.expressions.parser import STATUS_FUNCTIONS, Binary, Call, Context, Index, Literal, Node, Not, parse
from sandbox.github.expressions.values import (
    MASK,
    Filtered,
    Incomplete,
    Secrets,
    Unknown,
    equals,
    is_primitive,
    less,
    to_number,
    to_text,
    truthy,
)

if TYPE_CHECKING:
    from sandbox.github.expressions.values import Contexts, Value


@dataclass(frozen=True, slots=True)
class Status:
    """What the status functions answer."""

    success: bool = True
    failure: bool = False
    cancelled: bool = False

    def of(self, function: str) -> bool:
        """The answer of a status function, by its name."""
        return {
            "always": True,
            "success": self.success,
            "failure": self.failure,
            "cancelled": self.cancelled,
        }[function]


def evaluate(expression: str, contexts: Contexts, status: Status | None = None) -> Value:
    """The value of an expression without its `${{ }}`. `status` answers the status functions, in conditions alone.

    Raises ExpressionError for what GitHub refuses, and UnknownValueError where only a runner could know.
    """
    return _Evaluation(contexts, status).value(parse(expression))


def asks_status(node: Node) -> bool:
    """Whether a status function is anywhere in the expression: else `success()` has to hold as well."""
    match node:
        case Call():
            return node.name in STATUS_FUNCTIONS or any(map(asks_status, node.arguments))
        case Index():
            return asks_status(node.object) or (node.index is not None and asks_status(node.index))
        case Not():
            return asks_status(node.operand)
        case Binary():
            return asks_status(node.first) or asks_status(node.second)
        case _:
            return False


class _Evaluation:
    def __init__(self, contexts: Contexts, status: Status | None) -> None:
        self._contexts = contexts
        self._status = status

    def value(self, node: Node) -> Value:
        match node:
            case Literal():
                return node.value
            case Context():
                return self._context(node.name)
            case Not():
                return not truthy(self.value(node.operand))
            case Index():
                return self._index(node)
            case Binary():
                return self._binary(node)
            case Call():
                return self._call(node)

    def _context(self, name: str) -> Value:
        if name not in self._contexts:
            raise ExpressionError(f"Unrecognized named-value: '{name}': it is not available here")
        return self._contexts[name]

    def _index(self, node: Index) -> Value:
        index = None if node.index is None else self.value(node.index)
        result = self.value(node.object)
        if isinstance(result, Unknown):
            return result
        if node.index is None:
            return Filtered(_items(result))
        if isinstance(result, Filtered):
            return Filtered(each for item in result for each in _lookup(item, index))
        return next(iter(_lookup(result, index)), None)

    def _binary(self, node: Binary) -> Value:
        first = self.value(node.first)
        if node.operator in {"&&", "||"}:
            return first if truthy(first) is (node.operator == "||") else self.value(node.second)
        second = self.value(node.second)
        match node.operator:
            case "==":
                return equals(first, second)
            case "!=":
                return not equals(first, second)
            case "<":
                return less(first, second)
            case ">":
                return less(second, first)
            case "<=":
                return less(first, second) or equals(first, second)
            case _:
                return less(second, first) or equals(first, second)

    def _call(self, node: Call) -> Value:
        if node.name in STATUS_FUNCTIONS:
            if self._status is None:
                raise ExpressionError(f"Unrecognized function: '{node.name}': it is for conditions alone")
            return self._status.of(node.name)
        if node.name == "case":
            return self._case(node.arguments)
        if node.name == "hashfiles":
            raise ExpressionError("hashFiles() reads the files of a runner, which the sandbox does not have")
        return PLAYED[node.name](*map(self.value, node.arguments))

    def _case(self, arguments: tuple[Node, ...]) -> Value:
        for predicate, result in zip(arguments[:-1:2], arguments[1::2], strict=True):
            holds = self.value(predicate)
            if not isinstance(holds, bool):
                raise ExpressionError("case predicate must evaluate to a boolean value")
            if holds:
                return self.value(result)
        return self.value(arguments[-1])


def _items(value: Value) -> Sequence[Value]:
    """The values of an object or an array, for a filter."""
    if isinstance(value, Filtered):
        return [each for item in value for each in _items(item)]
    if isinstance(value, Mapping):
        return list(value.values())
    return value if isinstance(value, Sequence) and not isinstance(value, str) else []


def _lookup(value: Value, index: Value) -> list[Value]:
    """The member of an object, without case, or of an array, by its number; empty without such a member."""
    if isinstance(value, Secrets):
        return [MASK]
    if isinstance(value, Mapping):
        wanted = to_text(index).lower() if is_primitive(index) else None
        result = [item for key, item in value.items() if key.lower() == wanted][:1]
        return result or ([Unknown(f"{to_text(index)}: {value.why}")] if isinstance(value, Incomplete) else [])
    if isinstance(value, Sequence) and not isinstance(value, str):
        number = to_number(index)
        fits = not math.isnan(number) and 0 <= number < len(value)
        return [value[math.floor(number)]] if fits else []
    return []
