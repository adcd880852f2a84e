"""Rules about secrets: their environments exist, and keys have places for both halves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.config.document import keys_of
from bot.config.validation_faults import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot.config.input_rules import AddFault

_HALVES = ("id", "secret")


def check(top: Mapping[str, object], environments: Mapping[str, object], add_fault: AddFault) -> None:
    """Add the faults of `secrets`."""
    secrets = keys_of(top.get("secrets"))
    for name, values in keys_of(secrets.get("rotate")).items():
        key = keys_of(values)
        _environment(("secrets", "rotate", name, "environment"), key.get("environment"), environments, add_fault)
        places = key.get("places")
        if isinstance(places, list | tuple) and places:
            halves = {str(keys_of(place).get("value", "secret")) for place in places}
            for half in [half for half in _HALVES if half not in halves]:
                problem = f"has no place for the key's {half}; add one with `value: {half}`"
                add_fault(("secrets", "rotate", name, "places"), problem)


def _environment(at: tuple[str, ...], named: object, environments: Mapping[str, object], add_fault: AddFault) -> None:
    if isinstance(named, str) and named not in environments:
        add_fault(at, f"{named} is not an environment{did_you_mean(named, environments)}")


def needs_aws(secrets: Mapping[str, object]) -> bool:
    """Whether something of it is in AWS."""
    return any(secrets.get(key) for key in ("users", "parameters", "secrets_manager", "rotate"))
