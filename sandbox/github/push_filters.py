"""Which workflows a push starts: the filters of `on: push`, as GitHub documents them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

_SKIP = re.compile(r"\[(skip ci|ci skip|no ci|skip actions|actions skip)\]")
MOST_PATHS = 300  # of a push that GitHub compares


def is_skipped(message: str) -> bool:
    """Whether the commit's message forbids workflows."""
    return _SKIP.search(message) is not None


def is_started(push: Any, branch: str, paths: Sequence[str]) -> bool:
    """Whether the value of `on: push` (None without filters) takes a push of these paths to the branch."""
    filters: Mapping[str, Any] = push or {}
    if "branches" in filters or "branches-ignore" in filters:
        if not _takes(filters, "branches", [branch]):
            return False
    elif "tags" in filters or "tags-ignore" in filters:
        return False
    return _takes(filters, "paths", paths[:MOST_PATHS])


def _takes(filters: Mapping[str, Any], key: str, names: Collection[str]) -> bool:
    if key in filters:
        return any(_last_match(_listed(filters[key]), name) for name in names)
    ignored = _listed(filters.get(f"{key}-ignore", []))
    return not ignored or not all(_last_match(ignored, name) for name in names)


def _listed(value: Any) -> list[str]:
    return [str(each) for each in value] if isinstance(value, list) else [str(value)]


def _last_match(patterns: Sequence[str], name: str) -> bool:
    taken = False
    for pattern in patterns:
        if re.fullmatch(_regex(pattern.removeprefix("!")), name):
            taken = not pattern.startswith("!")
    return taken


def _regex(pattern: str) -> str:
    regex, at = "", 0
    while at < len(pattern):
        if pattern.startswith("**/", at):
            regex, at = regex + "(.*/)?", at + 3
        elif pattern.startswith("**", at):
            regex, at = regex + ".*", at + 2
        else:
            letter = pattern[at]
            regex += {"*": "[^/]*", "?": "?", "+": "+", "[": "[", "]": "]"}.get(letter, re.escape(letter))
            at += 1
    return regex
