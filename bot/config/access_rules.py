"""Rules about `access`: somebody may run something, and roles name what exists."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.config.document import keys_of, texts_of
from bot.config.models.general import Operations
from bot.config.targets import SHARED, builds_target
from bot.config.validation_faults import did_you_mean
from bot.config.values import PART

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bot.config.part_rules import AddFault

_RUNS = "/run "


def check(top: Mapping[str, object], environments: Mapping[str, object], add_fault: AddFault) -> None:
    """Add the faults of `access`."""
    access = top.get("access")
    if not isinstance(access, dict):
        return  # missing or not a mapping: another fault
    roles = access.get("roles")
    if access.get("operators") is None and not roles:
        add_fault(("access", "operators"), "is missing, so nobody may run commands; name people here or in `roles`")
    builds = [builds_target(str(name)) for name in keys_of(keys_of(top.get("images")).get("workflows"))]
    names = [*environments, *SHARED, *builds]
    custom = [name for name in keys_of(top.get("operations")) if name not in Operations.model_fields]
    for role, values in keys_of(roles).items():
        at = ("access", "roles", str(role))
        written = texts_of(keys_of(values).get("environments"))
        for place, name in enumerate(written):
            if name not in names:
                problem = f"{name[:60]} is not an environment{did_you_mean(name, names)}"
                add_fault((*at, "environments", place), problem)
        for place, command in enumerate(texts_of(keys_of(values).get("commands"))):
            operation = command.removeprefix(_RUNS) if command.startswith(_RUNS) else ""
            if operation and operation not in custom:
                problem = f"{operation[:60]} is not an operation of `operations`{did_you_mean(operation, custom)}"
                add_fault((*at, "commands", place), problem)
        if "approve" in texts_of(keys_of(values).get("may")):
            _not_overruled(at, written, environments, add_fault)


def _not_overruled(
    at: tuple[str, ...], names: Sequence[str], environments: Mapping[str, object], add_fault: AddFault
) -> None:
    """An environment's own approvers are all that it has, so that a role which names it gives nobody anything."""
    for place, name in enumerate(names):
        if keys_of(keys_of(environments.get(name)).get("approval")).get("approvers") is not None:
            problem = f"{name} has `approval.approvers` of its own, which this role adds nobody to; keep one of them"
            add_fault((*at, "environments", place), problem)


def approvers(access: Mapping[str, object], name: str) -> tuple[str, ...]:
    """Whom `access` lets approve in an environment without approvers of its own."""
    people = texts_of(access.get("approvers"))
    for values in keys_of(access.get("roles")).values():
        role = keys_of(values)
        where = texts_of(role.get("environments"))
        if "approve" in texts_of(role.get("may")) and (not where or name in where or name.partition(PART)[0] in where):
            people += texts_of(role.get("people"))
    return people
