"""Rules about custom operations: their environment exists, each runs one thing there, and their key is no mistyped setting."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.config import input_rules
from bot.config.document import keys_of
from bot.config.models.general import Operations
from bot.config.validation_faults import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot.config.input_rules import AddFault

_ONLY_OF = {
    "workflow": ("mark_input",),
    "playbook": ("machines", "tags", "skip_tags"),
}  # keys of one and not of the other


def check(top: Mapping[str, object], environments: Mapping[str, object], add_fault: AddFault) -> None:
    """Add the faults of all custom operations."""
    operations = top.get("operations")
    for name, values in (operations if isinstance(operations, dict) else {}).items():
        if name in Operations.model_fields or not isinstance(values, dict):
            continue
        _one_kind(name, values, add_fault)
        environment = values.get("environment")
        if isinstance(environment, str) and environment not in environments:
            problem = f"{environment} is not an environment{did_you_mean(environment, environments)}"
            add_fault(("operations", name, "environment"), problem)
        elif isinstance(environment, str) and "playbook" in values:
            _playbook(name, values, keys_of(environments[environment]), add_fault)
        fixed = input_rules.names(values.get("fixed_inputs"))
        input_rules.check_inputs(
            add_fault, ("operations", name), values, fixed=fixed, given="inputs", other="fixed_inputs"
        )


def _one_kind(name: str, values: Mapping[str, object], add_fault: AddFault) -> None:
    kinds = [kind for kind in _ONLY_OF if kind in values]
    if not kinds:
        meant = did_you_mean(name, Operations.model_fields)
        problem = f"is no setting{meant}, and a custom operation needs `workflow` or `playbook`"
        add_fault(("operations", name), problem)
    if len(kinds) > 1:
        add_fault(("operations", name), "has a `workflow` and a `playbook`; keep one")
    if len(kinds) == 1:
        for other, keys in _ONLY_OF.items():
            for key in [key for key in keys if other not in kinds and key in values]:
                add_fault(("operations", name, key), f"is only for operations with a `{other}`; remove it")


def _playbook(name: str, values: Mapping[str, object], environment: Mapping[str, object], add_fault: AddFault) -> None:
    """A playbook reaches machines of its environment, as the environment's deploys do."""
    ansible = keys_of(environment.get("deploy")).get("ansible")
    if not isinstance(ansible, dict):
        problem = "needs an environment with `deploy.ansible`, which says how its machines are reached"
        add_fault(("operations", name, "playbook"), problem)
        return
    machines = input_rules.names(environment.get("machines"))
    for machine in input_rules.names(values.get("machines")):
        if machine not in machines:
            problem = f"{machine} is not in the environment's `machines`{did_you_mean(machine, machines)}"
            add_fault(("operations", name, "machines"), problem)
    for key in ("inputs", "fixed_inputs"):
        names = input_rules.names(values.get(key))
        others = {other: keys_of(ansible.get(other)) for other in ("extra_vars", "secret_vars")}
        input_rules.check_variables(add_fault, ("operations", name, key), names, others, whose="deploy.ansible.")
