"""Which elements of a list were added, removed, moved or changed. A plan does not mark sets: they are lists in it. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any, NamedTuple

from runners.terraform.differences.alignment import gaps
from runners.terraform.differences.values import MISSING, is_empty, json_text, key, same
from runners.terraform.masking import Hidden, Unknown

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from runners.terraform.differences.alignment import Gap

# Fields by which elements of a list are recognized, the most specific first.
_IDENTITIES = (
    "id",
    "arn",
    "key",
    "name",
    "Sid",
    "sid",
    "Id",
    "ID",
    "Name",
    "Key",
    "address",
    "device_name",
    "hostname",
)
_LABELS = (
    *_IDENTITIES,
    "description",
    "protocol",
    "ip_protocol",
    "from_port",
    "to_port",
    "port",
    "rule_no",
    "rule_number",
    "priority",
    "direction",
    "action",
    "host",
    "path",
    "type",
    "Effect",
    "Action",
    "Resource",
)
_MOST_COMPARED = 10_000  # pairs of elements whose similarity is counted


class ListChange(NamedTuple):
    """One change of a list: of the element `at` this index (None: of the whole list); a `pair` is one changed element."""

    at: int | None
    before: Any
    after: Any
    note: str = ""
    pair: bool = False


def changes(before: list[Any], after: list[Any]) -> Iterator[ListChange]:
    """The changes that make the second list of the first, by the elements' contents; in the order of the second list."""
    old, new = [key(element) for element in before], [key(element) for element in after]
    if len(old) == len(new) and Counter(old) == Counter(new):
        yield ListChange(None, before, after, "same elements in another order")
        return
    between = gaps(old, new)
    removed = [at for gap in between for at in range(gap.start, gap.end)]
    added = [at for gap in between for at in range(gap.other_start, gap.other_end)]
    moved = _paired_by([old[at] for at in removed], [new[at] for at in added])
    pairs = [(removed[at], added[other]) for at, other in moved]
    rest = sorted(set(removed) - {at for at, _ in pairs}), sorted(set(added) - {at for _, at in pairs})
    changed = dict(_changed(before, after, *rest, between))
    others = [
        *(ListChange(at, before[at], MISSING) for at in rest[0] if at not in changed),
        *(ListChange(at, MISSING, after[at]) for at in rest[1] if at not in changed.values()),
        *(ListChange(other, before[at], after[other], pair=True) for at, other in changed.items()),
    ]
    yield from sorted(others, key=lambda change: change.at or 0)
    if pairs:
        note = "the order of elements changes, too" if others else "the order of elements changes"
        yield ListChange(None, before, after, note)


def _paired_by(old: Sequence[str], new: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Positions of equal texts in both, each used once."""
    positions = defaultdict(list)
    for at, text in enumerate(old):
        positions[text].append(at)
    for other, text in enumerate(new):
        if positions.get(text):
            yield positions[text].pop(0), other


def _changed(
    before: list[Any], after: list[Any], removed: list[int], added: list[int], between: list[Gap]
) -> Iterator[tuple[int, int]]:
    """Pairs of a removed and an added element that are one element, which changed."""
    identity = _identity(before, after)
    old, new = dict.fromkeys(removed), dict.fromkeys(added)
    if identity:
        names = [key(before[at][identity]) for at in old], [key(after[at][identity]) for at in new]
        pairs = [(removed[at], added[other]) for at, other in _paired_by(*names)]
    else:
        pairs = _most_alike(before, after, removed, added)
    for at, other in pairs:
        del old[at], new[other]
        yield at, other
    for gap in between:
        rest = [at for at in range(gap.start, gap.end) if at in old]
        others = [at for at in range(gap.other_start, gap.other_end) if at in new]
        single = len(before) == len(after) == 1
        if len(rest) == len(others) and (single or not identity):
            for at, other in zip(rest, others, strict=True):
                if single or _may_be_one(before[at], after[other]):
                    yield at, other


def _may_be_one(before: Any, after: Any) -> bool:
    """Whether two elements in the same position are read more easily as one that changed: plain values, small maps."""
    if not isinstance(before, dict | list) and not isinstance(after, dict | list):
        return True
    return isinstance(before, dict) and isinstance(after, dict) and max(len(before), len(after)) <= 2


def _identity(before: list[Any], after: list[Any]) -> str | None:
    """The field by which elements are recognized: each element of both lists has its own value of it."""
    if not before or not after or not all(isinstance(element, dict) for element in (*before, *after)):
        return None
    for name in _IDENTITIES:
        values = [[element.get(name) for element in side] for side in (before, after)]
        if all(
            all(isinstance(value, str | int) and value != "" for value in side) and len(set(side)) == len(side)
            for side in values
        ):
            return name
    return None


def _most_alike(before: list[Any], after: list[Any], removed: list[int], added: list[int]) -> list[tuple[int, int]]:
    """Pairs of maps that have most of their fields in common, the most alike first."""
    old = [at for at in removed if isinstance(before[at], dict)]
    new = [at for at in added if isinstance(after[at], dict)]
    if len(old) * len(new) > _MOST_COMPARED:
        return []
    ranked = [
        (-similarity, abs(at - other), at, other)
        for at in old
        for other in new
        if (similarity := _common_part(before[at], after[other])) > 0.5
    ]
    pairs: dict[int, int] = {}
    used: set[int] = set()
    for _, _, at, other in sorted(ranked):
        if at not in pairs and other not in used:
            pairs[at] = other
            used.add(other)
    return list(pairs.items())


def _common_part(before: dict[str, Any], after: dict[str, Any]) -> float:
    """The part of the fields that are the same, from 0 to 1; empty, false and unknown ones say nothing."""
    total = common = 0
    for name in before.keys() | after.keys():
        old, new = before.get(name), after.get(name)
        if isinstance(new, Unknown) or (isinstance(new, Hidden) and isinstance(new.value, Unknown)):
            continue
        if not _says_something(old) and not _says_something(new):
            continue
        total += 1
        common += same(old, new)
    return common / total if total else 0.0


def _says_something(value: Any) -> bool:
    return not is_empty(value) and value is not False and value != ""


def label(before: Any, after: Any) -> str:
    """The fields by which people recognize an element that changed: "in from_port 22, to_port 22"; empty without any."""
    if not isinstance(before, dict) or not isinstance(after, dict):
        return ""
    names = [
        name
        for name in _LABELS
        if isinstance(before.get(name), str | int)
        and _says_something(before[name])
        and same(before[name], after.get(name))
    ]
    identities = [name for name in names if name in _IDENTITIES][:1]
    texts = [f"{name} {json_text(before[name])[:40]}" for name in identities or names[:4]]
    return f"in {', '.join(texts)}" if texts else ""
