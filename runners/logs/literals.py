"""Letters that any match of a regular expression must hold, so that most lines need never be tried."""

from __future__ import annotations

import importlib
import re
from typing import Any

# What the standard library's compiler itself reads patterns with: a parser of our own would come to differ.
_parser: Any = importlib.import_module("re._parser")

KEPT = "abcdefghijklmnopqrstuvwxyz!#(\n"
SHORTEST = 3  # fewer letters are in every other line
# Looked for in place of the many needles that hold one of these.
STEMS = (
    b"error",
    b"fail",
    b"fatal",
    b"notfound",
    b"unableto",
    b"couldnot",
    b"nosuchfile",
    b"exception",
    b"memory",
)
_TRANSPARENT = ("AT", "ASSERT", "ASSERT_NOT")
_REPEATS = ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT")

_DELETED = bytes(byte for byte in range(256) if chr(byte).lower() not in KEPT or byte > 127)
_LOWER = bytes(ord(chr(byte).lower()) if byte < 128 else byte for byte in range(256))

Needles = frozenset[bytes]


def squeeze(text: bytes) -> bytes:
    """Only the ASCII letters, in lower case, with ! # ( and line breaks: what is searched, and searched for."""
    return text.translate(_LOWER, _DELETED)


def required(pattern: str) -> Needles | None:
    """Squeezed texts of which at least one is in every squeezed line that matches; None where none can be told.

    The letters k and s are taken for ASCII: the Kelvin sign and the long s, which also match without regard to
    case, are not looked for.
    """
    try:
        parsed = _parser.parse(pattern)
    except (re.error, RecursionError, OverflowError):
        return None
    try:
        found = _Walk().best(parsed)
    except RecursionError:
        return None
    return found if found and min(map(len, found)) >= SHORTEST else None


def anchored(pattern: str) -> bool:
    """Whether it matches at the beginning of a line alone."""
    parsed = _parser.parse(pattern)
    return bool(parsed) and str(parsed[0][0]) == "AT" and str(parsed[0][1]) == "AT_BEGINNING"


class _Walk:
    """Goes through one sequence of a parsed pattern and keeps the best needles seen."""

    def __init__(self, run: bytes = b"") -> None:
        self._run = run
        self._best: Needles = frozenset()

    def best(self, sequence: Any) -> Needles:
        self._sequence(sequence)
        self._break()
        return self._best

    def _sequence(self, sequence: Any) -> None:
        for operation, argument in sequence:
            self._take(str(operation), argument)

    def _take(self, operation: str, argument: Any) -> None:
        if operation == "SUBPATTERN":
            self._sequence(argument[-1])
        elif operation == "ATOMIC_GROUP":
            self._sequence(argument)
        elif operation in _REPEATS:
            self._repeat(*argument)
        elif operation == "BRANCH":
            self._branch(argument[1])
        elif (letter := _letter(operation, argument)) is not None:
            self._run += letter
        elif operation not in _TRANSPARENT:
            self._break()

    def _repeat(self, least: int, most: Any, inner: Any) -> None:
        if all(_letter(str(operation), argument) == b"" for operation, argument in inner):
            return
        if least == most == 1:
            self._sequence(inner)
            return
        self._break()
        if least:
            self._offer(_Walk().best(inner))

    def _branch(self, alternatives: Any) -> None:
        # The parser has taken out what the alternatives begin with alike: it stands before them.
        each = [_Walk(self._run).best(alternative) for alternative in alternatives]
        self._break()
        self._offer(frozenset().union(*each) if all(each) else frozenset())

    def _break(self) -> None:
        self._offer(frozenset({self._run}) if self._run else frozenset())
        self._run = b""

    def _offer(self, needles: Needles) -> None:
        if needles and _worth(needles) > _worth(self._best):
            self._best = needles


def _worth(needles: Needles) -> tuple[bool, int, int]:
    shortest = min(map(len, needles), default=0)
    shared = shortest >= SHORTEST and all(any(stem in needle for stem in STEMS) for needle in needles)
    return shared, shortest, -len(needles)


def _letter(operation: str, argument: Any) -> bytes | None:
    """What one character squeezes to, nothing included; None where that depends on which character it is."""
    if operation == "LITERAL":
        return squeeze(chr(argument).encode())
    if operation != "IN":
        return None
    if argument and str(argument[0][0]) == "NEGATE":
        return None
    each = {_member(str(kind), value) for kind, value in argument}
    return each.pop() if len(each) == 1 else None


def _member(kind: str, value: Any) -> bytes | None:
    if kind == "LITERAL":
        return squeeze(chr(value).encode())
    if kind == "CATEGORY" and str(value) in ("CATEGORY_SPACE", "CATEGORY_DIGIT"):
        return b""
    if (
        kind == "RANGE"
        and value[1] - value[0] < 128
        and not any(squeeze(chr(one).encode("utf-8", "replace")) for one in range(value[0], value[1] + 1))
    ):
        return b""
    return None
