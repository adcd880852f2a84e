"""Checks the Terragrunt units of an environment: which there are, and in which order. Their code is not run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.check.nearest import there_is
from runners.terraform.stack_files import STACK_FILE
from runners.terraform.terragrunt import UNIT_FILES, is_unit
from runners.terraform.units import is_generated, units_in

if TYPE_CHECKING:
    from bot.check.code import Checkout
    from bot.check.result import Findings

_LISTED = 5


def check_units(checkout: Checkout, name: str, findings: Findings) -> None:
    """Add what is wrong with the units in the directory, or with the one unit of a stack."""
    environment, directory = checkout.environment, checkout.root / name
    key, at = environment.key_of("terraform", "terragrunt"), f"{checkout.commit.ref} ({checkout.commit.short})"
    units = units_in(directory, checkout.root) if environment.has_units else ()
    if not units and (environment.has_units or not (is_unit(directory) or is_generated(directory, checkout.root))):
        problem = "has no units of Terragrunt" if environment.has_units else f"has no {UNIT_FILES[0]}"
        findings.add_problem(f"{key}: {name} {problem} at {at}", there_is(name, _others(checkout)))
        return
    for unit in units:
        for reason in unit.unclear:
            remedy = f"/plan {environment.name} all needs the order; single units can be planned."
            findings.add_fact(f"{environment.name}: the order of {unit.name} is unknown: {reason}. {remedy}")
    names = ", ".join(unit.name for unit in units[:_LISTED])
    more = f" and {len(units) - _LISTED} more" if len(units) > _LISTED else ""
    what = f"{len(units)} units in {name} ({names}{more})" if units else f"{name} is a Terragrunt unit"
    findings.add_fact(f"{environment.name}: {what} at {checkout.commit.short}")


def _others(checkout: Checkout) -> set[str]:
    """What could be meant: directories that have units, or that are one."""
    files = [path for file in UNIT_FILES for path in checkout.root.rglob(file)]
    above = 1 if checkout.environment.has_units else 0
    places = {path.parents[above] for path in files if checkout.root in path.parents[above].parents}
    if above:
        places |= {file.parent for file in checkout.root.rglob(STACK_FILE)}
    return {str(place.relative_to(checkout.root)) for place in places}
