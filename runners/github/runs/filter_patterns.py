"""GitHub's filter patterns of branches and paths: `releases/**`, `!docs/**`, `v[12].?`.

Source: docs.github.com, "Workflow syntax for GitHub Actions", filter pattern cheat sheet.
"""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING, Any

import re2

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

_PIECE = re.compile(r"\*\*/|\*\*|\*|\[[^\]]*\]|\\.|.", re.DOTALL)
_WILD = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "?", "+": "+"}
LONGEST = 1_000  # characters of a pattern
_QUANTIFIERS = ("?", "+")


def selects(patterns: Sequence[str], name: str) -> bool:
    """Whether the patterns select the name: the last pattern that matches it decides, `!` excludes."""
    selected = False
    for pattern in patterns:
        excludes = pattern.startswith("!")
        if excludes is selected and matches(pattern.removeprefix("!"), name):
            selected = not excludes
    return selected


def selects_any(patterns: Sequence[str], names: Collection[str]) -> bool:
    """Whether the patterns select one of the names."""
    return any(selects(patterns, name) for name in names)


def ignores_all(patterns: Sequence[str], names: Collection[str]) -> bool:
    """Whether each of the names matches a pattern of an `-ignore` filter."""
    return all(any(matches(pattern, name) for pattern in patterns) for name in names)


def matches(pattern: str, name: str) -> bool:
    """Whether the whole name matches the pattern, which has no `!`. A pattern that cannot be read matches nothing."""
    compiled = _compiled(pattern)
    return compiled is not None and compiled.fullmatch(name) is not None


@functools.lru_cache(maxsize=256)
def _compiled(pattern: str) -> Any:
    """The pattern for re2, whose time is linear: the pattern may be anybody's. None where it cannot be read."""
    if len(pattern) > LONGEST:
        return None
    pieces: list[str] = []
    for piece in _PIECE.findall(pattern):
        if piece in _QUANTIFIERS and (not pieces or pieces[-1] in (*_WILD.values(), "")):
            return None  # nothing precedes it: GitHub refuses the pattern
        pieces.append(_WILD.get(piece) or _literal(piece))
    try:
        return re2.compile(f"(?s){''.join(pieces)}")
    except re2.error:
        return None


def _literal(piece: str) -> str:
    if piece.startswith("[") and len(piece) > 1:
        return piece if re.fullmatch(r"\[[\w-]+\]", piece) else re.escape(piece)
    return re.escape(piece.removeprefix("\\") or piece)
