"""Runs, their plans and applies, and what was done and said."""

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


def run(found: Run) -> Json:
    """A run."""
    return {
        "id": found.id,
        "type": "runs",
        "attributes": {**_asked(found), **_state(found)},
        "relationships": _relationships(found),
        "links": {"self": f"/api/v2/runs/{found.id}"},
    }


def _asked(found: Run) -> Json:
    """What was asked for when it was created."""
    return {
        "allow-empty-apply": False,
        "auto-apply": found.auto_apply,
        "created-at": found.created_at,
        "is-destroy": False,
        "message": found.message,
        "plan-only": found.plan_only,
        "refresh": True,
        "refresh-only": False,
        "replace-addrs": list(found.replaces) or None,
        "save-plan": False,
        "source": "tfe-api",
        "target-addrs": list(found.targets) or None,
        "terraform-version": VERSION,
        "trigger-reason": "manual",
        "variables": [{"key": key, "value": value} for key, value in found.variables],
    }


def _state(found: Run) -> Json:
    """How it stands, and what may be done with it."""
    return {
        "actions": {
            "is-cancelable": found.cancelable,
            "is-confirmable": found.confirmable,
            "is-discardable": found.discardable,
            "is-force-cancelable": False,
        },
        "canceled-at": found.timestamps.get("canceled-at"),
        "has-changes": found.has_changes,
        "permissions": _PERMISSIONS,
        "status": found.status,
        "status-timestamps": found.timestamps,
        "updated-at": found.created_at,
    }


def _relationships(found: Run) -> Json:
    return {
        "workspace": related("workspaces", found.workspace.id),
        "apply": related("applies", found.apply.id),
        "configuration-version": related("configuration-versions", found.configuration.id),
        "cost-estimate": related("cost-estimates", found.cost_estimate),
        "created-by": related("users", user_id(found.created_by)),
        "confirmed-by": related("users", user_id(found.confirmed_by) if found.confirmed_by else None),
        "plan": related("plans", found.plan.id),
        "run-events": related_all("run-events", (event.id for event in found.events)),
        "policy-checks": related_all("policy-checks", [found.policy_check] if found.policy_check else []),
        "task-stages": related_all("task-stages", [found.task_stage] if found.task_stage else []),
        "comments": related_all("comments", []),
    }


def stage(found: Stage, kind: str, log_url: str | None) -> Json:
    """A plan or an apply."""
    return {
        "id": found.id,
        "type": kind,
        "attributes": {
            "execution-details": {"mode": "remote"},
            **(
                {
                    "generated-configuration": False,
                    "has-changes": bool(found.additions or found.changes or found.destructions),
                }
                if kind == "plans"
                else {}
            ),
            "resource-additions": found.additions,
            "resource-changes": found.changes,
            "resource-destructions": found.destructions,
            "resource-imports": 0,
            "status": found.status,
            "status-timestamps": {},
            "log-read-url": log_url,
        },
        "relationships": {"state-versions": related_all("state-versions", [])},
        "links": {"self": f"/api/v2/{kind}/{found.id}"},
    }


def events(found: Run) -> Json:
    """What was done with a run, and who did it."""
    listed = [
        {
            "id": event.id,
            "type": "run-events",
            "attributes": {"action": event.action, "created-at": event.at, "description": None},
            "relationships": {"actor": related("users", user_id(event.actor)), "comment": {"data": None}},
        }
        for event in found.events
    ]
    return {"data": listed, "included": [user(name) for name in dict.fromkeys(event.actor for event in found.events)]}


def comment(number: int, text: str) -> Json:
    """A comment under a run."""
    return {"id": f"comment-{number:016d}", "type": "comments", "attributes": {"body": text}}
