"""Rules about secrets: their environments exist, keys have places for both halves, and values that people set have a page."""

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
    for name, places in keys_of(secrets.get("values")).items():
        for environment in keys_of(places):
            _environment(("secrets", "values", name, environment), environment, environments, add_fault)
    if secrets.get("values") and keys_of(top.get("operations")).get("pages") is None:
        problem = "needs `operations.pages.url`, the address under which people's browsers reach Signalbox"
        add_fault(("secrets", "values"), problem)


def _environment(at: tuple[str, ...], named: object, environments: Mapping[str, object], add_fault: AddFault) -> None:
    if isinstance(named, str) and named not in environments:
        add_fault(at, f"{named} is not an environment{did_you_mean(named, environments)}")


def needs_aws(secrets: Mapping[str, object]) -> bool:
    """Whether something of it is in AWS."""
    if any(secrets.get(key) for key in ("users", "parameters", "secrets_manager", "rotate")):
        return True
    places = (place for each in keys_of(secrets.get("values")).values() for place in keys_of(each).values())
    return any(keys_of(place).get(key) is not None for place in places for key in ("parameter", "secrets_manager"))
