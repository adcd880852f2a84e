"""Expressions as trees."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TypeAlias

from sandbox.github.expressions.errors import ExpressionError
from sandbox.github.expressions.lexer import Token, tokens

# Fewest and most arguments, by the name in small letters.
FUNCTIONS = {
    "case": (3, 255),
    "contains": (2, 2),
    "endswith": (2, 2),
    "format": (1, 255),
    "fromjson": (1, 1),
    "hashfiles": (1, 255),
    "join": (1, 2),
    "startswith": (2, 2),
    "tojson": (1, 1),
}
STATUS_FUNCTIONS = {"always": (0, 0), "cancelled": (0, 0), "failure": (0, 255), "success": (0, 255)}
CONTEXTS = frozenset(
    ["env", "github", "inputs", "job", "jobs", "matrix", "needs", "runner", "secrets", "steps", "strategy", "vars"]
)
MAX_DEPTH = 50
# From the loosest to the tightest.
_BINARY = (("||",), ("&&",), ("==", "!="), ("<", "<=", ">", ">="))
_COMPARED = 2  # the levels before it are logical: a chain of them is as deep as one


@dataclass(frozen=True, slots=True)
class Literal:
    """A value as written."""

    value: bool | float | str | None


@dataclass(frozen=True, slots=True)
class Context:
    """A context by its name."""

    name: str


@dataclass(frozen=True, slots=True)
class Index:
    """`object[index]` and `object.name`; an index of None is the filter `*`."""

    object: Node
    index: Node | None


@dataclass(frozen=True, slots=True)
class Call:
    """A function with its arguments; the name is in small letters."""

    name: str
    arguments: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """`!operand`."""

    operand: Node


@dataclass(frozen=True, slots=True)
class Binary:
    """`first operator second`."""

    operator: str
    first: Node
    second: Node


Node: TypeAlias = "Literal | Context | Index | Call | Not | Binary"


@functools.lru_cache(maxsize=4096)
def parse(expression: str, contexts: frozenset[str] = CONTEXTS) -> Node:
    """The tree of an expression that may use `contexts`. Raises ExpressionError in GitHub's words; also for an empty one."""
    reader = _Reader(expression, tokens(expression), contexts)
    if not reader.rest:
        raise ExpressionError("An expression was expected")
    node = reader.binary(0)
    if reader.rest:
        raise reader.error()
    return node


class _Reader:
    def __init__(self, expression: str, read: list[Token], contexts: frozenset[str]) -> None:
        self._expression = expression
        self._contexts = contexts
        self.rest = read[::-1]
        self._depth = 0

    def error(self, problem: str = "Unexpected symbol", token: Token | None = None) -> ExpressionError:
        at = token or (self.rest[-1] if self.rest else None)
        if at is None:
            return ExpressionError(f"Unexpected end of expression: {self._expression}")
        return ExpressionError(f"{problem}: '{at.text}', within expression: {self._expression}")

    def _takes(self, *operators: str) -> str | None:
        if self.rest and self.rest[-1].kind == "operator" and self.rest[-1].text in operators:
            return self.rest.pop().text
        return None

    def _expect(self, operator: str) -> None:
        if self._takes(operator) is None:
            raise self.error()

    def binary(self, level: int) -> Node:
        if level == len(_BINARY):
            return self._unary()
        first, before = self.binary(level + 1), self._depth
        while operator := self._takes(*_BINARY[level]):
            if level < _COMPARED and self._depth == before:
                self._descend()
            first = Binary(operator, first, self.binary(level + 1))
        self._depth = before
        return first

    def _descend(self) -> None:
        self._depth += 1
        if self._depth >= MAX_DEPTH:
            raise ExpressionError(f"Exceeded max expression depth {MAX_DEPTH}: {self._expression}")

    def _nested(self) -> Node:
        before = self._depth
        self._descend()
        node = self.binary(0)
        self._depth = before
        return node

    def _unary(self) -> Node:
        before = self._depth
        while self._takes("!"):
            self._descend()
        node = self._accessed()
        for _ in range(self._depth - before):
            node = Not(node)
        self._depth = before
        return node

    def _accessed(self) -> Node:
        begins_with_literal = bool(self.rest) and self.rest[-1].kind == "literal"
        node, before = self._primary(), self._depth
        while not begins_with_literal and (operator := self._takes("[", ".")):
            node = Index(node, self._index(operator))
            self._descend()
        self._depth = before
        return node

    def _index(self, operator: str) -> Node | None:
        if operator == "[":
            index = None if self._takes("*") else self._nested()
            self._expect("]")
            return index
        if self._takes("*"):
            return None
        if not self.rest or self.rest[-1].kind != "name":
            raise self.error()
        return Literal(self.rest.pop().text)

    def _primary(self) -> Node:
        if self._takes("("):
            node = self._nested()
            self._expect(")")
            return node
        if not self.rest or self.rest[-1].kind == "operator":
            raise self.error()
        token = self.rest.pop()
        if token.kind == "literal":
            return Literal(token.value)
        if self._takes("("):
            return self._call(token)
        if token.text.lower() not in self._contexts:
            raise self.error("Unrecognized named-value", token)
        return Context(token.text.lower())

    def _call(self, token: Token) -> Call:
        arguments: list[Node] = []
        while not self._takes(")"):
            arguments.append(self._nested())
            if not (self.rest and self.rest[-1].text == ")"):
                self._expect(",")
        name = token.text.lower()
        fewest, most = ({**FUNCTIONS, **STATUS_FUNCTIONS}).get(name, (None, 0))
        if fewest is None:
            raise self.error("Unrecognized function", token)
        if len(arguments) < fewest or (name == "case" and len(arguments) % 2 == 0):
            raise self.error("Too few parameters supplied", token)
        if len(arguments) > most:
            raise self.error("Too many parameters supplied", token)
        return Call(name, tuple(arguments))
