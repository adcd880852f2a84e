"""Runs, their plans and applies, events and comments."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.hcp.shapes.common import VERSION, related, related_all, user, user_id

if TYPE_CHECKING:
    from sandbox.hcp.model import Run, Stage
    from sandbox.hcp.web import Json


_PERMISSIONS = dict.fromkeys(
    (
        "can-apply",
        "can-cancel",
        "can-comment",
        "can-discard",
        "can-force-cancel",
        "can-force-execute",
        "can-override-policy-check",
    ),
    True,
)


def run(model: Run) -> Json:
    """A run."""
    return {
        "id": model.id,
        "type": "runs",
        "attributes": {**_request(model), **_state(model)},
        "relationships": _relationships(model),
        "links": {"self": f"/api/v2/runs/{model.id}"},
    }


def _request(run: Run) -> Json:
    """The attributes that the creating request sets."""
    return {
        "allow-empty-apply": False,
        "auto-apply": run.auto_apply,
        "created-at": run.created_at,
        "is-destroy": False,
        "message": run.message,
        "plan-only": run.plan_only,
        "refresh": True,
        "refresh-only": False,
        "replace-addrs": list(run.replaces) or None,
        "save-plan": False,
        "source": "tfe-api",
        "target-addrs": list(run.targets) or None,
        "terraform-version": VERSION,
        "trigger-reason": "manual",
        "variables": [{"key": key, "value": value} for key, value in run.variables],
    }


def _state(run: Run) -> Json:
    """Its state, and the actions that it allows."""
    return {
        "actions": {
            "is-cancelable": run.cancelable,
            "is-confirmable": run.confirmable,
            "is-discardable": run.discardable,
            "is-force-cancelable": False,
        },
        "canceled-at": run.timestamps.get("canceled-at"),
        "has-changes": run.has_changes,
        "permissions": _PERMISSIONS,
        "status": run.status,
        "status-timestamps": run.timestamps,
        "updated-at": run.created_at,
    }


def _relationships(run: Run) -> Json:
    return {
        "workspace": related("workspaces", run.workspace.id),
        "apply": related("applies", run.apply.id),
        "configuration-version": related("configuration-versions", run.configuration.id),
        "cost-estimate": related("cost-estimates", run.cost_estimate),
        "created-by": related("users", user_id(run.created_by)),
        "confirmed-by": related("users", user_id(run.confirmed_by) if run.confirmed_by else None),
        "plan": related("plans", run.plan.id),
        "run-events": related_all("run-events", (event.id for event in run.events)),
        "policy-checks": related_all("policy-checks", [run.policy_check] if run.policy_check else []),
        "task-stages": related_all("task-stages", [run.task_stage] if run.task_stage else []),
        "comments": related_all("comments", []),
    }


def stage(model: Stage, kind: str, log_url: str | None) -> Json:
    """A plan or an apply."""
    return {
        "id": model.id,
        "type": kind,
        "attributes": {
            "execution-details": {"mode": "remote"},
            **(
                {
                    "generated-configuration": False,
                    "has-changes": bool(model.additions or model.changes or model.destructions),
                }
                if kind == "plans"
                else {}
            ),
            "resource-additions": model.additions,
            "resource-changes": model.changes,
            "resource-destructions": model.destructions,
            "resource-imports": 0,
            "status": model.status,
            "status-timestamps": {},
            "log-read-url": log_url,
        },
        "relationships": {"state-versions": related_all("state-versions", [])},
        "links": {"self": f"/api/v2/{kind}/{model.id}"},
    }


def events(run: Run) -> Json:
    """The events of a run, with their actors."""
    listed = [
        {
            "id": event.id,
            "type": "run-events",
            "attributes": {"action": event.action, "created-at": event.at, "description": None},
            "relationships": {"actor": related("users", user_id(event.actor)), "comment": {"data": None}},
        }
        for event in run.events
    ]
    return {"data": listed, "included": [user(name) for name in dict.fromkeys(event.actor for event in run.events)]}


def comment(number: int, text: str) -> Json:
    """A comment under a run."""
    return {"id": f"comment-{number:016d}", "type": "comments", "attributes": {"body": text}}
