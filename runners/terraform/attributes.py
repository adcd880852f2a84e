"""The changed attributes of a plan's resources and outputs, as texts for people. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from runners.results import AttributeChange
from runners.terraform import differences, json_plan, masking

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from runners.spellings import Masker
    from runners.terraform.differences import Difference, Path
    from runners.terraform.json_plan import ChangeJson

MOST_ATTRIBUTES = 300  # texts of a resource; the attached plan has all


@dataclass(frozen=True, slots=True)
class Room:
    """How many texts of a resource, and how many characters of a value, there is room for."""

    texts: int = MOST_ATTRIBUTES
    characters: int = differences.LONGEST_TEXT


def of_resource(
    change: ChangeJson, mask: Masker, room: Room, *, without_empty: bool
) -> tuple[list[AttributeChange], int] | None:
    """The attributes that differ, the most important ones first, and how many more there are; None if they nest too deep.

    Attributes that are empty on both sides, for example null and {}, are left out of new, deleted and read resources, and
    `without_empty`.
    """
    try:
        before, after = _masked_values(change, mask)
        changed = list(differences.compare(before, after))
        if without_empty or before is None or after is None:
            changed = [
                difference
                for difference in changed
                if not (differences.is_empty(difference.before) and differences.is_empty(difference.after))
            ]
        attributes = [attribute for difference in changed for attribute in _attributes(difference, change, mask, room)]
    except RecursionError:
        return None
    # Attributes that force a replacement are the most useful, unknown values the least.
    attributes.sort(key=lambda attribute: (not attribute.forces_replacement, attribute.after == masking.UNKNOWN))
    return attributes[: room.texts], max(0, len(attributes) - room.texts)


def of_output(name: str, change: ChangeJson, mask: Masker, room: Room) -> Iterator[AttributeChange]:
    """The differences of an output's value."""
    before, after = _masked_values(change, mask)
    changed = list(differences.compare(before, after, (name,)))
    # Without a difference its sensitivity changes, or it is null: the change still has to be applied.
    for difference in changed or [differences.Difference((name,), before, after)]:
        yield from _attributes(difference, change, mask, room)


def _masked_values(change: ChangeJson, mask: Masker) -> tuple[Any, Any]:
    decoded = json_plan.decoded
    before = masking.mask_value(decoded(change.before), decoded(change.before_sensitive), None, mask)
    marks = decoded(change.after_sensitive), decoded(change.after_unknown)
    return before, masking.mask_value(decoded(change.after), *marks, mask)


def _attributes(difference: Difference, change: ChangeJson, mask: Masker, room: Room) -> Iterator[AttributeChange]:
    path = mask(differences.render_path(difference.path))
    forces = _overlaps(difference.path, change.replace_paths or [])
    for text in differences.render(difference, room.characters):
        yield AttributeChange(path, text.before, text.after, forces_replacement=forces, note=text.note)


def _overlaps(path: Path, forcing: Iterable[Path]) -> bool:
    return any(path[: len(forcing_path)] == forcing_path[: len(path)] for forcing_path in forcing)
