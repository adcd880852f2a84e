"""Rules about custom operations: their environment exists, and their key is no setting that somebody mistyped."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.config import input_rules
from bot.config.models.general import Operations
from bot.config.validation_faults import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot.config.input_rules import AddFault


def check(top: Mapping[str, object], environments: Mapping[str, object], add_fault: AddFault) -> None:
    """Add the faults of all custom operations."""
    operations = top.get("operations")
    for name, values in (operations if isinstance(operations, dict) else {}).items():
        if name in Operations.model_fields or not isinstance(values, dict):
            continue
        if "workflow" not in values:
            meant = did_you_mean(name, Operations.model_fields)
            add_fault(("operations", name), f"is no setting{meant}, and a custom operation needs `workflow`")
        environment = values.get("environment")
        if isinstance(environment, str) and environment not in environments:
            problem = f"{environment} is not an environment{did_you_mean(environment, environments)}"
            add_fault(("operations", name, "environment"), problem)
        fixed = input_rules.names(values.get("fixed_inputs"))
        input_rules.check_inputs(
            add_fault, ("operations", name), values, fixed=fixed, given="inputs", other="fixed_inputs"
        )
