"""Differences of a plan's attribute values before and after, and their texts. Pure."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from runners.terraform.masking import SENSITIVE, UNKNOWN, Hidden, Masked, Unknown

if TYPE_CHECKING:
    from collections.abc import Iterator

LONGEST_TEXT = 400  # characters of a value's text
_CONTEXT = 40  # characters before the first difference of two long values
_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Difference:
    """A path at which two values differ; None means absent."""

    path: Path
    before: Any
    after: Any


def compare(before: Any, after: Any, path: Path = ()) -> Iterator[Difference]:
    """The innermost differences of two masked values; JSON inside of texts is compared, too."""
    if before == after and render(before) == render(after):  # for Python, true equals 1
        return
    inner = _both_json(before, after)
    if inner:
        before, after = inner
    if _are_all(dict, before, after):
        before, after = before or {}, after or {}
        for key in dict.fromkeys([*before, *after]):
            yield from compare(before.get(key), after.get(key), (*path, key))
    elif _are_all(list, before, after) and any(
        isinstance(entry, dict | list) for entry in [*(before or ()), *(after or ())]
    ):
        yield from _list_differences(before or [], after or [], path)
    else:
        yield Difference(path, before, after)


def _are_all(kind: type, before: Any, after: Any) -> bool:
    """Whether both are of that type or absent, and at least one is not empty."""
    both = all(side is None or isinstance(side, kind) for side in (before, after))
    return both and bool(before or after)


def _list_differences(before: list[Any], after: list[Any], path: Path) -> Iterator[Difference]:
    if len(before) == len(after):
        for index, (old, new) in enumerate(zip(before, after, strict=True)):
            yield from compare(old, new, (*path, index))
        return
    # Sets are arrays in JSON: an element of both is unchanged at any index.
    for index, old in enumerate(before):
        if old not in after:
            yield Difference((*path, index), old, None)
    for index, new in enumerate(after):
        if new not in before:
            yield Difference((*path, index), None, new)


def _both_json(before: Any, after: Any) -> tuple[Any, Any] | None:
    before, after = (side.masked if isinstance(side, Masked) else side for side in (before, after))
    if not (isinstance(before, str) and isinstance(after, str) and before[:1] in {"{", "["}):
        return None
    try:
        inner = json.loads(before), json.loads(after)
    except ValueError:
        return None
    same = type(inner[0]) is type(inner[1]) and inner[0] != inner[1]
    return inner if same else None


def render(value: Any) -> str | None:
    """A masked value as text: strings without quotes, collections as JSON, None for an absent value."""
    if value is None or isinstance(value, Hidden | Masked | Unknown):
        return None if value is None else _plain(value)
    if isinstance(value, str):
        return value or '""'
    return json.dumps(value, default=_plain, ensure_ascii=False)


def _plain(value: Any) -> str:
    if isinstance(value, Masked):
        return value.masked
    return SENSITIVE if isinstance(value, Hidden) else UNKNOWN


def render_pair(before: Any, after: Any) -> tuple[str | None, str | None]:
    """Both values as text; of long texts the part around their first difference."""
    old, new = render(before), render(after)
    longest = max(len(old or ""), len(new or ""))
    if longest <= LONGEST_TEXT:
        return old, new
    common = _common_length(old or "", new or "") if old and new else 0
    start = max(0, common - _CONTEXT)
    return _window(old, start), _window(new, start)


def _common_length(first: str, second: str) -> int:
    return next(
        (at for at, (a, b) in enumerate(zip(first, second, strict=False)) if a != b), min(len(first), len(second))
    )


def _window(text: str | None, start: int) -> str | None:
    if text is None or len(text) <= LONGEST_TEXT:
        return text
    cut = text[start : start + LONGEST_TEXT]
    return f"{'…' if start else ''}{cut}{'…' if start + LONGEST_TEXT < len(text) else ''}"


def render_path(path: Path) -> str:
    """The path as Terraform writes it: tags.Name, ingress[0].port, labels["a.b"]."""
    text = ""
    for step in path:
        if isinstance(step, str) and _IDENTIFIER.fullmatch(step):
            text += f".{step}" if text else step
        else:
            text += f"[{json.dumps(step, ensure_ascii=False)}]"
    return text
