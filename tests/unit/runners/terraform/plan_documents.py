"""Plans in Terraform's JSON for tests, and their summaries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from runners.terraform.summary import read_plan

if TYPE_CHECKING:
    from runners.results import PlanSummary, ResourceChange


def resource(actions: list[str], before: Any = None, after: Any = None, **more: Any) -> dict[str, Any]:
    """A resource of a plan; `more` are its own fields or those of its change."""
    keys = ("address", "mode", "previous_address", "action_reason", "deposed")
    outer = {"address": "aws_instance.web", "mode": "managed", **{key: more.pop(key) for key in keys if key in more}}
    kind = outer["address"].split(".")[-2]
    change = {"actions": actions, "before": before, "after": after, "after_unknown": {}, **more}
    return {**outer, "type": kind, "name": "web", "change": change}


def read(*resources: dict[str, Any], **more: Any) -> PlanSummary:
    """The summary of a plan with these resources; `more` are further fields of the plan."""
    document = {"format_version": "1.2", "resource_changes": list(resources), **more}
    return read_plan(document, digest="d", program="terraform 1.11.4")


def only_change(resource: dict[str, Any], **more: Any) -> ResourceChange:
    """The change of a plan with this resource alone."""
    (change,) = read(resource, **more).changes
    return change


def rows(change: ResourceChange) -> list[tuple[str, str | None, str | None]]:
    """The attributes of a change: path, before, after."""
    return [(attribute.path, attribute.before, attribute.after) for attribute in change.attributes]
