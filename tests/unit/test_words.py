"""Words that the project does not use in names, docstrings and comments, and the terms that it uses instead."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from functools import cache
from typing import TYPE_CHECKING

import pytest

from tests.unit.test_project import ROOT, sources

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# Each with the term in its place. They are no part of any identifier; WHOLE are no identifier by themselves.
WHOLE = {"one": "the thing", "left": "remaining, orphaned", "said": "the thing", "found": "the thing"}
ALLOWED = {"known_hosts", "known_hosts_file", "settle"}  # a term of another system, keys of the configuration
IDENTIFIERS = {
    "board": "matrix",
    "careful": "warning",
    "doubts": "warnings",
    "drawing": "view",
    "elsewhere": "linked operation, or the system that is meant",
    "gone": "missing, deleted, removed",
    "kept": "stored, retained",
    "known": "context, or the thing",
    "lead": "follow-up",
    "leads": "follow-ups",
    "leftover": "orphaned resource",
    "leftovers": "orphaned resources",
    "likeness": "fingerprint",
    "loose": "orphaned",
    "patience": "timeout, retry policy",
    "remains": "orphaned resources",
    "remark": "annotation",
    "rhythm": "interval",
    "seen": "observation",
    "settle": "finish",
    "settled": "finished",
    "shown": "displayed, or the thing",
    "sight": "observation",
    "silence": "outage",
    "sole": "single instance",
    "survey": "snapshot",
    "tell": "notify, report",
    "tells": "notifies, reports",
    "told": "notified, reported",
    "trail": "audit log",
    "wish": "operation request",
    "withdraw": "cancel",
    "withdrawn": "cancelled",
}
TERMS = WHOLE | IDENTIFIERS
PHRASES = re.compile(
    r"\b(asked by|goes? out|went out|was to go out|may go|is told|are told|was told|tells?|told|looked (?:at|after|for)|"
    r"looks? (?:at|again|after)|cut short|left alone|left lying|stands? in|once more|takes? the place|waits for its turn|"
    r"as the code says|how it stands|how things are|for good|whoever)\b",
    re.IGNORECASE,
)


@cache
def words_of(name: str) -> set[str]:
    """The words of an identifier, in lower case: `by_place` and `ByPlace` have two."""
    return set(re.split(r"_+", re.sub(r"(?<!^)(?=[A-Z][a-z])", "_", name).lower()))


def identifiers(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """What this file names itself, with the line."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.lineno, node.name
        elif isinstance(node, ast.arg):
            yield node.lineno, node.arg
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.lineno, node.id


def texts(text: str, tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Docstrings and comments, with the line."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield getattr(node, "lineno", 1), ast.get_docstring(node) or ""
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string


def offences(path: Path) -> Iterator[str]:
    """Each unused word that this file uses, with its line and what to use."""
    text = path.read_text("utf-8")
    tree = ast.parse(text)
    file = path.relative_to(ROOT).as_posix()
    for line, name in identifiers(tree):
        # A test's name is a sentence about what people read, in their words.
        if name.startswith("test_") or name in ALLOWED:
            continue
        for word in ({name} & TERMS.keys()) | (words_of(name) & IDENTIFIERS.keys()):
            yield f"{file}:{line} {name}: {word} -> {TERMS[word]}"
    for line, sentence in texts(text, tree):
        for phrase in PHRASES.findall(sentence):
            yield f"{file}:{line} {phrase!r} in a docstring or comment"


@pytest.mark.parametrize("folder", ["bot", "handlers", "runners", "sandbox", "tests"])
def test_the_words_of_the_field_are_used(folder: str) -> None:
    listed = [line for path in sources(folder) for line in offences(path)]
    assert not listed, "\n".join(listed)
