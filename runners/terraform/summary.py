"""Reads a plan in JSON, as `terraform show -json` prints it, into a summary without sensitive values. Pure."""

from __future__ import annotations

import re
from dataclasses import replace
from operator import itemgetter
from typing import TYPE_CHECKING

from runners.errors import NotFoundError, RunnerError
from runners.results import AttributeChange, Change, Diagnostic, PlanSummary, ResourceChange
from runners.terraform import attributes, json_plan, masking, notices
from runners.terraform.addresses import covers, natural_order
from runners.terraform.planned_images import planned_image
from runners.terraform.sensitive import resources, sensitive_values

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from runners.spellings import Masker
    from runners.terraform.json_plan import ChangeJson, Document, PlanJson, ResourceJson, StateResource

__all__ = [
    "ACTIONS",
    "REASONS",
    "TOO_LONG",
    "check_addresses",
    "has_address",
    "masked",
    "read_plan",
    "sensitive_values",
]

# Terraform's format 1.2: developer.hashicorp.com/terraform/internals/json-format, "Change Representation", and
# actionString in internal/command/jsonplan/plan.go of Terraform 1.17-dev and of OpenTofu 1.13-dev.
ACTIONS: Mapping[tuple[str, ...], Change] = {
    ("create",): Change.CREATE,
    ("read",): Change.READ,
    ("update",): Change.UPDATE,
    ("delete", "create"): Change.REPLACE,
    ("create", "delete"): Change.REPLACE,
    ("create", "forget"): Change.REPLACE_KEEPING_OLD,  # Terraform
    ("forget", "create"): Change.REPLACE_KEEPING_OLD,  # OpenTofu, from 1.12 on
    ("delete",): Change.DELETE,
    ("forget",): Change.FORGET,
}
NO_ACTION = ("no-op",)
ORDERS: Mapping[tuple[str, ...], str] = {("create", "delete"): "the new one is made before the old one goes"}
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
    "delete_because_enabled_false": "its enabled is false now",
    "forgot_because_lifecycle_destroy_in_state": "its lifecycle had destroy = false",
    "forgot_because_lifecycle_destroy_in_config": "its lifecycle has destroy = false",
    "read_because_config_unknown": "what it asks for is known only during the apply",
    "read_because_dependency_pending": "what it depends on changes first",
    "read_because_check_nested": "a check reads it after the apply",
}
DATA_SOURCE = re.compile(r"(?:^|\.)data\.")
AMI_ID = re.compile(rb'"(ami-(?:[0-9a-f]{17}|[0-9a-f]{8}))"')  # EC2 user guide: 8 or 17 hexadecimal digits
USED = "this plan depends on it"
TOO_LONG = "(too long to be shown)"
SEVERITY = {change: rank for rank, change in enumerate(Change)}


def read_plan(
    document: Document,
    *,
    digest: str,
    program: str,
    warnings: Sequence[Diagnostic] = (),
    partial: bool = False,
    changed: bool | None = None,
    ordinary: Collection[str] = (),
    complete: bool = False,
) -> PlanSummary:
    """The summary of a plan, which is JSON text or parsed JSON.

    `warnings` are what planning printed, `ordinary` is as for `sensitive_values`. `partial`: whether the plan was limited to
    addresses; `changed`: whether Terraform reports that something changes. Of 500 resources (`complete`: all) attributes are read.

    Raises:
        ValueError: the document is not the JSON of a plan.
        RunnerError: the plan is incomplete, cannot be applied, contradicts itself or `changed`, or has an unknown action.
    """
    plan = _decoded(document)
    mask, budget = masking.masker(sensitive_values(plan, ordinary)), _DetailBudget(complete=complete)
    beside = notices.read(plan, warnings)
    changes = _resource_changes(plan.resource_changes or (), mask, budget)
    outputs = tuple(_outputs(plan.output_changes or {}, mask, budget))
    _check_applicable(plan, bool(changes or outputs or plan.action_invocations), partial=partial, changed=changed)
    return PlanSummary(
        digest=digest,
        program=program,
        changes=changes,
        outputs=outputs,
        drift=_drift(plan, mask, complete=complete),
        warnings=tuple(masked(warning, mask) for warning in beside.worst_first),
        resources=len(_managed(plan)),
        images=() if changes or outputs else tuple(_images(_managed(plan))),
        failed_checks=len(beside.checks),
        deferred=len(beside.deferred),
        actions=len(beside.actions),
        applyable=bool(plan.applyable or changed),
    )


def _decoded(document: Document) -> PlanJson:
    plan = json_plan.decode(document)
    notices.refuse_unknown(plan, {*ACTIONS, NO_ACTION})
    return plan


def _drift(plan: PlanJson, mask: Masker, *, complete: bool) -> tuple[ResourceChange, ...]:
    """What changed outside of Terraform: first what this plan depends on. Without what is empty before and after."""
    budget = _DetailBudget(complete=complete)
    changed = _resource_changes(plan.resource_drift or (), mask, budget, without_empty=True)
    used = {relevant.resource for relevant in plan.relevant_attributes or ()}
    drift = [
        replace(resource, reason=_joined(resource.reason, USED)) if resource.address in used else resource
        for resource in changed
        if resource.change is not Change.MOVE and not (resource.change is Change.UPDATE and resource.unchanged)
    ]
    return tuple(sorted(drift, key=lambda resource: resource.address not in used))


def _joined(reason: str | None, more: str) -> str:
    return f"{reason}; {more}" if reason else more


def _managed(plan: PlanJson) -> list[StateResource]:
    planned = resources(plan.planned_values.root_module if plan.planned_values else None)
    return [resource for resource in planned if resource.mode == "managed"]


def _images(managed: Iterable[StateResource]) -> Iterator[tuple[str, str]]:
    """The address and the image id of each resource whose values name an image."""
    for resource in managed:
        if match := AMI_ID.search(memoryview(resource.values)):
            yield resource.address, match[1].decode()


def has_address(plan: PlanJson, address: str, *, exactly: bool) -> bool:
    """Whether the code or the state has a resource at this address or, unless `exactly`, inside of it.

    True for every data source: a plan does not list those that are read while planning.
    """
    changes = plan.resource_changes or ()
    if exactly:
        return any(change.address == address for change in changes)
    if DATA_SOURCE.search(address) or any(covers(address, change.address) for change in changes):
        return True
    root = plan.configuration.root_module if plan.configuration else None
    calls = (root.module_calls or {}) if root else {}
    return address.startswith("module.") and any(address == f"module.{name}" for name in calls)


def check_addresses(plan: PlanJson, targets: Sequence[str], replaces: Sequence[str], doing: str) -> None:
    """Raise NotFoundError for an address that does not exist: Terraform silently plans nothing for it."""
    for address in (*targets, *replaces):
        if not has_address(plan, address, exactly=address in replaces):
            problem = f"there is no {address} in the code or in the state"
            raise NotFoundError(doing, problem, remedy="A plan of everything shows the addresses that there are.")


def _check_applicable(plan: PlanJson, listed: bool, *, partial: bool, changed: bool | None) -> None:  # noqa: FBT001
    problem = ""
    if plan.errored:
        problem = "planning ended with an error, and what was saved is only a part of the plan"
    elif plan.complete is False and not partial and not plan.deferred_changes:
        problem = "Terraform says that this plan is not complete"
    elif plan.applyable is False and (listed or changed):
        problem = "Terraform says that this plan cannot be applied, and also that it changes something"
    elif changed is False and (listed or plan.applyable):
        problem = "Terraform says that nothing changes, and its plan changes something"
    if problem:
        raise RunnerError("reading the plan", problem, remedy="Nothing was applied. Plan again.")


class _DetailBudget:
    """Limits how many attributes are compared: people read a few hundred resources, and not megabytes of them.

    A `complete` summary is for a file: its limits only keep a plan of 100 MB from taking long.
    """

    def __init__(self, *, complete: bool) -> None:
        self._resources, self._bytes = (50_000, 10_000_000) if complete else (500, 2_000_000)
        self.room = attributes.Room(100_000, 4_000) if complete else attributes.Room()

    def spend(self, change: ChangeJson) -> bool:
        """Whether the budget covers this change, which is then deducted."""
        size = json_plan.size(change.before) + json_plan.size(change.after)
        if not self._resources or size > self._bytes:
            return False
        self._resources -= 1
        self._bytes -= size
        return True


def masked(diagnostic: Diagnostic, mask: Masker) -> Diagnostic:
    """The diagnostic with secrets masked in its texts."""
    snippet = mask(diagnostic.snippet) if diagnostic.snippet else diagnostic.snippet
    return replace(diagnostic, summary=mask(diagnostic.summary), detail=mask(diagnostic.detail), snippet=snippet)


def _resource_changes(
    resources: Iterable[ResourceJson], mask: Masker, budget: _DetailBudget, *, without_empty: bool = False
) -> tuple[ResourceChange, ...]:
    """The changed resources, worst first."""
    changed = [
        (SEVERITY[kind], natural_order(resource.address), kind, resource)
        for resource in map(json_plan.with_address, resources)
        if (kind := _kind(resource))
    ]
    changed.sort(key=itemgetter(0, 1))
    return tuple(_resource(resource, kind, mask, budget, without_empty) for _, _, kind, resource in changed)


def _resource(
    resource: ResourceJson,
    kind: Change,
    mask: Masker,
    budget: _DetailBudget,
    without_empty: bool,  # noqa: FBT001
) -> ResourceChange:
    previous = resource.previous_address
    read = None
    if budget.spend(resource.change):
        read = attributes.of_resource(
            resource.change, mask, budget.room, without_empty=without_empty or kind is Change.READ
        )
    return ResourceChange(
        address=resource.address,
        type=resource.type,
        change=kind,
        attributes=tuple(read[0]) if read else (),
        reason=mask("; ".join(_reasons(resource))) or None,
        previous_address=previous if previous and previous != resource.address else None,
        detailed=read is not None,
        more_attributes=read[1] if read else 0,
        imported=resource.change.importing is not None,
        image=planned_image(resource.change),
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


def _outputs(changes: Mapping[str, ChangeJson], mask: Masker, budget: _DetailBudget) -> Iterator[AttributeChange]:
    for name, change in sorted(changes.items()):
        if change.actions == NO_ACTION:
            continue
        if not budget.spend(change):
            yield AttributeChange(mask(name), TOO_LONG, TOO_LONG)
            continue
        yield from attributes.of_output(name, change, mask, budget.room)
