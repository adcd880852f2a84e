"""Checks the Terragrunt unit of an environment: that it is there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.check.nearest import there_is
from runners.terraform.terragrunt import UNIT_FILES, is_unit

if TYPE_CHECKING:
    from bot.check.code import Checkout
    from bot.check.result import Findings


def check_unit(checkout: Checkout, name: str, findings: Findings) -> None:
    """Add what is wrong with the unit. Its code is not run: it may need the outputs of other units."""
    at = f"{checkout.commit.ref} ({checkout.commit.short})"
    if is_unit(checkout.root / name):
        findings.add_fact(f"{checkout.environment.name}: {name} is a Terragrunt unit at {checkout.commit.short}")
        return
    units = {str(path.parent.relative_to(checkout.root)) for file in UNIT_FILES for path in checkout.root.rglob(file)}
    key = checkout.environment.key_of("terraform", "terragrunt")
    findings.add_problem(f"{key}: {name} has no {UNIT_FILES[0]} at {at}", there_is(name, units))
