"""A plan as `terraform show -json` prints it, read into a summary that holds nothing sensitive. Pure."""

from __future__ import annotations

import re
from dataclasses import replace
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from runners.errors import NotFoundError, RunnerError
from runners.results import AttributeChange, Change, Diagnostic, PlanSummary, ResourceChange
from runners.terraform import json_plan as shape, values
from runners.terraform.addresses import covers
from runners.terraform.secrets import resources, sensitive_values

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from runners.terraform.json_plan import ChangeJson, Document, PlanJson, ResourceJson, StateResource
    from runners.terraform.values import Masker, Path

__all__ = ["ACTIONS", "REASONS", "TOO_LONG", "knows", "look_for", "masked", "read_plan", "sensitive_values"]

# Terraform's format 1.2: developer.hashicorp.com/terraform/internals/json-format, "Change Representation".
ACTIONS: Mapping[tuple[str, ...], Change] = {
    ("create",): Change.CREATE,
    ("read",): Change.READ,
    ("update",): Change.UPDATE,
    ("delete", "create"): Change.REPLACE,
    ("create", "delete"): Change.REPLACE,
    ("create", "forget"): Change.REPLACE,
    ("delete",): Change.DELETE,
    ("forget",): Change.FORGET,
}
ORDERS: Mapping[tuple[str, ...], str] = {
    ("create", "delete"): "the new one is made before the old one goes",
    ("create", "forget"): "the old one stays, but Terraform forgets it",
}
REASONS = {
    "replace_because_tainted": "marked as tainted",
    "replace_because_cannot_update": "it cannot be changed in place",
    "replace_by_request": "its replacement was asked for",
    "replace_by_triggers": "something in its replace_triggered_by changes",
    "delete_because_no_resource_config": "it is no longer in the code",
    "delete_because_no_module": "its module is no longer in the code",
    "delete_because_wrong_repetition": "the code uses count or for_each differently now",
    "delete_because_count_index": "count is lower now",
    "delete_because_each_key": "its key is no longer in for_each",
    "delete_because_no_move_target": "it was moved to where the code has nothing",
    "read_because_config_unknown": "what it asks for is known only during the apply",
    "read_because_dependency_pending": "what it depends on changes first",
    "read_because_check_nested": "a check reads it after the apply",
}
DATA = re.compile(r"(?:^|\.)data\.")
FAILED = {"fail": "Check failed", "error": "Check could not be made"}
AMI = re.compile(rb'"(ami-(?:[0-9a-f]{17}|[0-9a-f]{8}))"')  # EC2 user guide: 8 or 17 hexadecimal digits
TOO_LONG = "(too long to be shown)"
WORST_FIRST = {change: place for place, change in enumerate(Change)}


def read_plan(
    document: Document, *, digest: str, program: str, warnings: Sequence[Diagnostic] = (), partial: bool = False
) -> PlanSummary:
    """The summary of a plan: its JSON as text, or parsed.

    `warnings` are what planning printed; the plan's own remarks come after them. `partial`: only some resources were
    asked for. Attributes are compared for the worst 500 resources, as far as they have some 2 MB of JSON together.

    Raises:
        ValueError: it is not the JSON of a plan.
        RunnerError: Terraform itself says that this plan is not whole, or not to be applied.
    """
    plan = shape.decode(document)
    mask, room = values.Masker(sensitive_values(plan)), _Room()
    changes = _resources_changed(plan.resource_changes or (), mask, room)
    outputs = tuple(_outputs(plan.output_changes or {}, mask, room))
    drift = _resources_changed(plan.resource_drift or (), mask, _Room())
    _refuse(plan, partial=partial, changes=bool(changes or outputs))
    planned = resources(plan.planned_values.root_module if plan.planned_values else None)
    managed = [resource for resource in planned if resource.mode == "managed"]
    return PlanSummary(
        digest=digest,
        program=program,
        changes=changes,
        outputs=outputs,
        drift=tuple(resource for resource in drift if resource.change is not Change.MOVE),
        warnings=tuple(masked(resource, mask) for resource in [*warnings, *_plan_warnings(plan, warnings)]),
        resources=len(managed),
        images=() if changes or outputs else tuple(_images(managed, mask)),
    )


def _images(managed: Iterable[StateResource], mask: Masker) -> Iterator[tuple[str, str]]:
    """Which image each resource was made from, where its values name one."""
    for resource in managed:
        if match := AMI.search(memoryview(resource.values)):
            yield mask(resource.address), mask(match[1].decode())


def knows(plan: PlanJson, address: str, *, exactly: bool) -> bool:
    """Whether the code or the state has something at or, unless `exactly`, inside of this address.

    Data sources that are read while planning are in no list of a plan: those pass.
    """
    changes = plan.resource_changes or ()
    if exactly:
        return any(change.address == address for change in changes)
    if DATA.search(address) or any(covers(address, change.address) for change in changes):
        return True
    root = plan.configuration.root_module if plan.configuration else None
    calls = (root.module_calls or {}) if root else {}
    return address.startswith("module.") and any(address == f"module.{name}" for name in calls)


def look_for(plan: PlanJson, targets: Sequence[str], replaces: Sequence[str], doing: str) -> None:
    """Raise NotFoundError for an address that is nowhere: Terraform itself then plans nothing, and says nothing."""
    for address in (*targets, *replaces):
        if not knows(plan, address, exactly=address in replaces):
            problem = f"there is no {address} in the code or in the state"
            raise NotFoundError(doing, problem, remedy="A plan of everything shows the addresses that there are.")


def _refuse(plan: PlanJson, *, partial: bool, changes: bool) -> None:
    problem = ""
    if plan.errored:
        problem = "planning ended with an error, and what was saved is only a part of the plan"
    elif plan.complete is False and not partial and not plan.deferred_changes:
        problem = "Terraform says that this plan is not complete"
    elif plan.applyable is False and changes:
        problem = "Terraform says that this plan cannot be applied"
    if problem:
        raise RunnerError("reading the plan", problem, remedy="Nothing was applied. Plan again.")


class _Room:
    """How much more can be compared in detail: people read a few hundred resources, and not megabytes of them."""

    def __init__(self) -> None:
        self._resources, self._bytes = 500, 2_000_000

    def take(self, change: ChangeJson) -> bool:
        """Whether there is room for this one; then it is taken."""
        wanted = shape.size(change.before) + shape.size(change.after)
        if not self._resources or wanted > self._bytes:
            return False
        self._resources -= 1
        self._bytes -= wanted
        return True


def masked(diagnostic: Diagnostic, mask: Masker) -> Diagnostic:
    """The same diagnostic with known secrets masked in its texts."""
    snippet = mask(diagnostic.snippet) if diagnostic.snippet else diagnostic.snippet
    address = mask(diagnostic.address) if diagnostic.address else diagnostic.address
    return replace(
        diagnostic, summary=mask(diagnostic.summary), detail=mask(diagnostic.detail), snippet=snippet, address=address
    )


def _resources_changed(resources: Iterable[ResourceJson], mask: Masker, room: _Room) -> tuple[ResourceChange, ...]:
    """What changes, worst first."""
    changed = [
        (WORST_FIRST[kind], resource.address, kind, resource) for resource in resources if (kind := _kind(resource))
    ]
    changed.sort(key=itemgetter(0, 1))
    return tuple(_resource(resource, kind, mask, room) for _, _, kind, resource in changed)


def _resource(resource: ResourceJson, kind: Change, mask: Masker, room: _Room) -> ResourceChange:
    previous = resource.previous_address
    detailed = room.take(resource.change)
    return ResourceChange(
        address=mask(resource.address),
        type=resource.type,
        change=kind,
        attributes=tuple(_attributes(resource.change, mask)) if detailed else (),
        reason=mask("; ".join(_reasons(resource))) or None,
        previous_address=mask(previous) if previous and previous != resource.address else None,
        detailed=detailed,
    )


def _kind(resource: ResourceJson) -> Change | None:
    kind = ACTIONS.get(resource.change.actions)
    if kind:
        return kind
    if resource.change.importing:
        return Change.IMPORT
    return Change.MOVE if resource.previous_address not in (None, resource.address) else None


def _reasons(resource: ResourceJson) -> Iterator[str]:
    if resource.action_reason:
        yield REASONS.get(resource.action_reason, resource.action_reason.replace("_", " "))
    if order := ORDERS.get(resource.change.actions):
        yield order
    if resource.change.importing:
        identity = resource.change.importing.get("id")
        yield f"imported from {identity}" if identity else "imported"
    if resource.deposed:
        yield "left over from an earlier replacement"


def _attributes(change: ChangeJson, mask: Masker) -> list[AttributeChange]:
    before, after = _covered(change, mask)
    differences = list(values.differences(before, after))
    if before is None or after is None:  # of a whole new or vanishing resource, what is empty says nothing
        differences = [
            difference for difference in differences if (difference.before or difference.after) not in ({}, [])
        ]
    forcing = change.replace_paths or []
    attributes = [_attribute(difference, mask, forces=_touches(difference.path, forcing)) for difference in differences]
    # What forces a replacement explains it; values known only after the apply explain least.
    return sorted(
        attributes, key=lambda difference: (not difference.forces_replacement, difference.after == values.UNKNOWN)
    )


def _covered(change: ChangeJson, mask: Masker) -> tuple[Any, Any]:
    before = values.cover(shape.value(change.before), shape.value(change.before_sensitive), None, mask)
    marks = shape.value(change.after_sensitive), shape.value(change.after_unknown)
    return before, values.cover(shape.value(change.after), *marks, mask)


def _attribute(difference: values.Difference, mask: Masker, *, forces: bool) -> AttributeChange:
    before, after = values.show_both(difference.before, difference.after)
    return AttributeChange(mask(values.show_path(difference.path)), before, after, forces_replacement=forces)


def _touches(path: Path, forcing: Iterable[Path]) -> bool:
    return any(path[: len(forcing_path)] == forcing_path[: len(path)] for forcing_path in forcing)


def _outputs(changes: Mapping[str, ChangeJson], mask: Masker, room: _Room) -> Iterator[AttributeChange]:
    for name, change in sorted(changes.items()):
        if change.actions in {("no-op",), ()}:
            continue
        if not room.take(change):
            yield AttributeChange(mask(name), TOO_LONG, TOO_LONG)
            continue
        before, after = _covered(change, mask)
        differences = list(values.differences(before, after, (name,)))
        # Only its sensitivity changed, or it is null: a change to apply all the same.
        for difference in differences or [values.Difference((name,), before, after)]:
            yield _attribute(difference, mask, forces=False)


def _plan_warnings(plan: PlanJson, diagnostics: Sequence[Diagnostic]) -> Iterator[Diagnostic]:
    yield from _failed_checks(plan, {deferred.detail for deferred in diagnostics})
    for deferred in plan.deferred_changes or ():
        address = deferred.resource_change.address if deferred.resource_change else None
        reason = deferred.reason.replace("_", " ")
        yield Diagnostic("warning", "Left for a later plan", f"Terraform cannot plan it yet: {reason}", address=address)
    for action in plan.action_invocations or ():
        yield Diagnostic("warning", "The apply also runs an action", address=action.address)


def _failed_checks(plan: PlanJson, reported: Collection[str]) -> Iterator[Diagnostic]:
    """Checks that failed, save for those that planning has warned of by itself."""
    for instance in (checked for check in plan.checks or () for checked in check.instances or ()):
        messages = [problem.message for problem in instance.problems or ()] or [""]
        address = instance.address.to_display if instance.address else None
        for message in messages if instance.status in FAILED else ():
            if not message or message not in reported:
                yield Diagnostic("warning", FAILED[instance.status], message, address=address)
