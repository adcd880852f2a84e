"""Rules about `refs`: a condition applies to something."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot.config.part_rules import AddFault


def check_conditions(add_fault: AddFault, keys: tuple[str, ...], refs: Mapping[str, object]) -> None:
    """A condition is for the refs that `allow` names; without these it would be for none."""
    for condition in ("contained_in_protected", "reviewed"):
        if refs.get(condition) is True and not refs.get("allow"):
            problem = 'is a condition for the refs in `allow`, which is empty; add `allow: ["**"]`, or remove it'
            add_fault((*keys, condition), problem)
    if refs.get("apply_others") is True and refs.get("otherwise") == "refuse":
        problem = "has no effect, because `otherwise: refuse` allows no other ref; remove one of them"
        add_fault((*keys, "apply_others"), problem)
