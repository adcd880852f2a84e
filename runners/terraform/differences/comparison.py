"""Compares the values of attributes: maps key by key, lists element by element, JSON inside texts as JSON. Pure."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from runners.terraform.differences import lists
from runners.terraform.differences.values import MISSING, is_absent, same
from runners.terraform.json_plan import Number
from runners.terraform.masking import Masked

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runners.terraform.differences.lists import ListChange

DEEPEST = 60  # levels of maps and lists that are followed; what is deeper is compared as a whole

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Difference:
    """A path at which two values differ; MISSING where there is none. `note` says in what, or of which element."""

    path: Path
    before: Any
    after: Any
    note: str = ""


def compare(before: Any, after: Any, path: Path = (), where: str = "") -> Iterator[Difference]:
    """The innermost differences of two masked values; JSON inside of texts is compared, too.

    There is at least one unless both are the same. `where` names the list element that they are part of.
    """
    if same(before, after):
        return
    if len(path) >= DEEPEST:
        yield Difference(path, before, after, where)
    elif inner := _both_json(before, after):
        if same(*inner):
            yield Difference(path, before, after, _joined(where, "only the formatting of the JSON differs"))
        yield from compare(*inner, path, where)
    elif _are_all(dict, before, after):
        yield from _of_maps({} if is_absent(before) else before, {} if is_absent(after) else after, path, where)
    elif _are_all(list, before, after) and _by_element(before, after):
        for change in lists.changes([] if is_absent(before) else before, [] if is_absent(after) else after):
            yield from _of_element(change, path, where)
    else:
        yield Difference(path, before, after, where)


def _are_all(kind: type, before: Any, after: Any) -> bool:
    """Whether both are of that type or absent, and at least one is not empty."""
    both = all(is_absent(side) or isinstance(side, kind) for side in (before, after))
    return both and any(not is_absent(side) and side for side in (before, after))


def _by_element(before: Any, after: Any) -> bool:
    """Whether to follow the elements: not those of plain values where one side has no list at all."""
    if not is_absent(before) and not is_absent(after):
        return True
    present = after if is_absent(before) else before
    return any(isinstance(element, dict | list) for element in present)


def _of_maps(before: dict[str, Any], after: dict[str, Any], path: Path, where: str) -> Iterator[Difference]:
    for name in dict.fromkeys([*before, *after]):
        yield from compare(before.get(name, MISSING), after.get(name, MISSING), (*path, name), where)


def _of_element(change: ListChange, path: Path, where: str) -> Iterator[Difference]:
    if change.at is None:
        yield Difference(path, change.before, change.after, _joined(where, change.note))
    elif change.pair:
        label = lists.label(change.before, change.after)
        yield from compare(change.before, change.after, (*path, change.at), label or where)
    else:
        yield Difference((*path, change.at), change.before, change.after, _joined(where, change.note))


def _both_json(before: Any, after: Any) -> tuple[Any, Any] | None:
    """Both texts as JSON, if each is the JSON of a map or of a list."""
    texts = [side.masked if isinstance(side, Masked) else side for side in (before, after)]
    if not all(isinstance(text, str) and text.lstrip()[:1] in ("{", "[") for text in texts):
        return None
    try:
        old, new = (json.loads(text, **_HOOKS) for text in texts)
    except (ValueError, RecursionError):
        return None
    return (old, new) if type(old) is type(new) else None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A map without repeated keys: readers of JSON disagree about which of them counts."""
    fields = dict(pairs)
    if len(fields) < len(pairs):
        raise ValueError("a key is there twice")
    return fields


def _refused(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


_HOOKS: dict[str, Any] = {"parse_float": Number, "parse_constant": _refused, "object_pairs_hook": _unique}


def _joined(*notes: str) -> str:
    return "; ".join(note for note in notes if note)
