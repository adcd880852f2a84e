"""Rules about the inputs of workflows: each has a single source, and GitHub takes so many."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from bot.config.document import keys_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    AddFault = Callable[[tuple[str, ...], str], None]

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
MOST = 25  # GitHub's limit for workflow_dispatch, by its page "Events that trigger workflows"


def check(environments: Mapping[str, object], add_fault: AddFault) -> None:
    """Add the faults of the inputs of deploys; the environments have their parts by now."""
    for name, values in environments.items():
        actions = keys_of(keys_of(keys_of(values).get("deploy")).get("github_actions"))
        keys = ("environments", name, "deploy", "github_actions")
        check_inputs(add_fault, keys, actions, fixed=names(actions.get("inputs")), given="command_inputs")
        ansible = keys_of(keys_of(keys_of(values).get("deploy")).get("ansible"))
        others = {other: keys_of(ansible.get(other)) for other in ("extra_vars", "secret_vars")}
        at = ("environments", name, "deploy", "ansible", "command_inputs")
        check_variables(add_fault, at, names(ansible.get("command_inputs")), others)


def check_inputs(
    add_fault: AddFault,
    keys: tuple[str, ...],
    values: Mapping[str, object],
    *,
    fixed: Collection[str],
    given: str,
    other: str = "inputs",
) -> None:
    """Add the faults of the inputs at `keys`.

    `fixed` are the names of inputs that a person does not give, below the key `other`; `given` is the key of the others.
    """
    allowed, mark_input = names(values.get(given)), values.get("mark_input")
    for twice in [name for name in allowed if name in fixed]:
        add_fault((*keys, given), f"{twice} is also in {other}; keep one")
    if isinstance(mark_input, str) and mark_input in {*fixed, *allowed}:
        where = other if mark_input in fixed else given
        add_fault((*keys, "mark_input"), f"{mark_input} is also in {where}; keep one")
    if len(fixed) + len(allowed) + (mark_input is not None) > MOST:
        where = f"{given} and mark_input" if allowed else "mark_input"
        problem = f"has more than {MOST} entries with {where}; GitHub accepts {MOST}, so remove some"
        add_fault((*keys, other if fixed else given), problem)


def check_variables(
    add_fault: AddFault,
    keys: tuple[str, ...],
    variables: Collection[str],
    others: Mapping[str, Mapping[str, object]],
    *,
    whose: str = "",
) -> None:
    """A variable of Ansible has a single source, and a person sets none that decides how Ansible connects.

    `others` has the variables of other keys, `whose` is what a fault writes before the name of such a key.
    """
    for name in variables:
        for other, values in others.items():
            if name in values:
                add_fault(keys, f"{name} is also in {whose}{other}; keep one")
        if not _VARIABLE.fullmatch(name):
            add_fault(keys, f"{name} is no variable of Ansible; use letters, digits and underscores")
        elif name.startswith(("ansible_", "signalbox_")):
            add_fault(keys, f"{name} is not for people: it decides how playbooks run; remove it")


def names(value: object) -> tuple[str, ...]:
    """The names in a mapping or a list; none in any other value, which has a fault of its own."""
    return tuple(name for name in value if isinstance(name, str)) if isinstance(value, dict | tuple) else ()
