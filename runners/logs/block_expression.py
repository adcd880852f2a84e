"""Turns expressions for one line into one expression for a block of lines."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_TOKEN = re.compile(r"\\Q.*?(?:\\E|$)|\\.|\[\^?\]?(?:\[:\^?\w+:\]|\\.|[^\]\\])*\]|.", re.DOTALL)
_FLAGS = re.compile(r"\(\?[A-Za-z-]+\)")


def block_expression(expressions: Iterable[str], start: str) -> str:
    """The expression that matches in a block of lines wherever one of the expressions matches a line.

    `start` matches what may be before the text of a line, from the beginning of the line. It is large: expressions that
    begin with ^ share it, since RE2's states grow with the number of its copies.
    """
    anchored, others = [], []
    for expression in expressions:
        for branch in _branches(expression):
            tokens = _TOKEN.findall(branch)
            rest = "".join(tokens[1:])
            if tokens[:1] in (["^"], [r"\A"]) and not _FLAGS.search(branch):
                anchored.append(_without_anchors(tokens[1:], start) if rest else "")
            else:
                others.append(_without_anchors(tokens, start))
    shared = [f"{start}(?:{'|'.join(anchored)})"] if anchored else []
    return "|".join((*shared, *(f"(?:{expression})" for expression in others)))


def _without_anchors(tokens: Iterable[str], start: str) -> str:
    anchors = {"^": f"(?:{start})", r"\A": f"(?:{start})", r"\z": "$"}
    return "".join(anchors.get(token, token) for token in tokens)


def _branches(expression: str) -> Iterator[str]:
    """The alternatives of an expression; one with flags stays whole, since they count to the end of their group."""
    if _FLAGS.search(expression):
        yield expression
        return
    depth, branch = 0, ""
    for part in _TOKEN.findall(expression):
        depth += {"(": 1, ")": -1}.get(part, 0)
        if part == "|" and not depth:
            yield branch
            branch = ""
        else:
            branch += part
    yield branch
