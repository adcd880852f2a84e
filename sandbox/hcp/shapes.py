"""Workspaces, runs, plans and the rest as HCP Terraform's API shows them. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sandbox.hcp.model import Configuration, Run, Stage, TaskResult, Workspace
    from sandbox.hcp.web import Json

VERSION = "1.11.4"


def user_id(name: str) -> str:
    """The id of a user, made from the name."""
    return f"user-{name}"


def user(name: str) -> Json:
    """A user as it is included beside what it did."""
    return {"id": user_id(name), "type": "users", "attributes": {"username": name, "is-service-account": False}}


def _one(kind: str, identity: str | None) -> Json:
    return {"data": {"id": identity, "type": kind} if identity else None}


def workspace(found: Workspace, *, may_run: bool) -> Json:
    """A workspace."""
    current = found.current
    return {
        "id": found.id,
        "type": "workspaces",
        "attributes": {
            "actions": {"is-destroyable": True},
            "allow-destroy-plan": True,
            "auto-apply": found.auto_apply,
            "created-at": "2024-01-08T09:00:00.000Z",
            "description": None,
            "execution-mode": "remote",
            "file-triggers-enabled": True,
            "global-remote-state": False,
            "locked": found.locked_by is not None or (current is not None and current.status != "pending"),
            "locked-reason": found.locked_reason,
            "name": found.name,
            "operations": True,
            "permissions": {
                "can-destroy": False,
                "can-force-unlock": False,
                "can-lock": may_run,
                "can-queue-apply": may_run,
                "can-queue-destroy": False,
                "can-queue-run": may_run,
                "can-read-settings": True,
                "can-unlock": may_run,
                "can-update": may_run,
                "can-update-variable": may_run,
            },
            "queue-all-runs": False,
            "resource-count": 0,
            "source": "tfe-api",
            "speculative-enabled": True,
            "structured-run-output-enabled": found.structured,
            "terraform-version": VERSION,
            "trigger-prefixes": [],
            "updated-at": "2024-01-08T09:00:00.000Z",
            "vcs-repo": _repository(found),
            "vcs-repo-identifier": found.repository,
            "working-directory": found.working_directory,
        },
        "relationships": {
            "organization": _one("organizations", found.organization),
            "current-run": _one("runs", current.id if current else None),
            "latest-run": _one("runs", found.runs[-1].id if found.runs else None),
            "locked-by": _locked_by(found),
        },
        "links": {"self": f"/api/v2/organizations/{found.organization}/workspaces/{found.name}"},
    }


def _repository(found: Workspace) -> Json | None:
    if found.repository is None:
        return None
    return {
        "branch": found.branch,
        "display-identifier": found.repository,
        "identifier": found.repository,
        "ingress-submodules": False,
        "repository-http-url": f"https://github.com/{found.repository}",
        "service-provider": "github",
    }


def _locked_by(found: Workspace) -> Json:
    if found.locked_by:
        return _one("users", user_id(found.locked_by))
    current = found.current
    return _one("runs", current.id if current and current.status != "pending" else None)


def configuration(found: Configuration, upload_url: str | None) -> Json:
    """A configuration version; where to upload is told only to whoever made it."""
    return {
        "id": found.id,
        "type": "configuration-versions",
        "attributes": {
            "auto-queue-runs": found.auto_queue_runs,
            "error": found.error,
            "error-message": found.error,
            "provisional": False,
            "source": found.source,
            "speculative": False,
            "status": found.status,
            "status-timestamps": {},
            **({"upload-url": upload_url} if upload_url else {}),
        },
        "relationships": {
            "ingress-attributes": _one("ingress-attributes", f"ia-{found.id[3:]}" if found.fetched else None)
        },
        "links": {"self": f"/api/v2/configuration-versions/{found.id}"},
    }


def ingress(found: Configuration, repository: str, branch: str) -> Json | None:
    """Which commit a configuration version is of; None for one that was uploaded."""
    if found.fetched is None:
        return None
    page = f"https://github.com/{repository}/commit/{found.fetched.sha}"
    return {
        "id": f"ia-{found.id[3:]}",
        "type": "ingress-attributes",
        "attributes": {
            "branch": branch,
            "clone-url": f"https://github.com/{repository}.git",
            "commit-message": found.fetched.message,
            "commit-sha": found.fetched.sha,
            "commit-url": page,
            "identifier": repository,
            "is-pull-request": False,
            "on-default-branch": True,
            "pull-request-number": None,
            "sender-username": None,
            "tag": None,
        },
    }


def run(found: Run) -> Json:
    """A run."""
    return {
        "id": found.id,
        "type": "runs",
        "attributes": {
            "actions": {
                "is-cancelable": found.cancelable,
                "is-confirmable": found.confirmable,
                "is-discardable": found.discardable,
                "is-force-cancelable": False,
            },
            "allow-empty-apply": False,
            "auto-apply": found.auto_apply,
            "canceled-at": found.timestamps.get("canceled-at"),
            "created-at": found.created_at,
            "has-changes": found.has_changes,
            "is-destroy": False,
            "message": found.message,
            "permissions": {
                "can-apply": True,
                "can-cancel": True,
                "can-comment": True,
                "can-discard": True,
                "can-force-cancel": True,
                "can-force-execute": True,
                "can-override-policy-check": True,
            },
            "plan-only": found.plan_only,
            "refresh": True,
            "refresh-only": False,
            "replace-addrs": list(found.replaces) or None,
            "save-plan": False,
            "source": "tfe-api",
            "status": found.status,
            "status-timestamps": found.timestamps,
            "target-addrs": list(found.targets) or None,
            "terraform-version": VERSION,
            "trigger-reason": "manual",
            "updated-at": found.created_at,
            "variables": [{"key": key, "value": value} for key, value in found.variables],
        },
        "relationships": {
            "workspace": _one("workspaces", found.workspace.id),
            "apply": _one("applies", found.apply.id),
            "configuration-version": _one("configuration-versions", found.configuration.id),
            "cost-estimate": _one("cost-estimates", found.cost_estimate),
            "created-by": _one("users", user_id(found.created_by)),
            "confirmed-by": _one("users", user_id(found.confirmed_by) if found.confirmed_by else None),
            "plan": _one("plans", found.plan.id),
            "run-events": {"data": [{"id": event.id, "type": "run-events"} for event in found.events]},
            "policy-checks": {
                "data": [{"id": found.policy_check, "type": "policy-checks"}] if found.policy_check else []
            },
            "task-stages": {"data": [{"id": found.task_stage, "type": "task-stages"}] if found.task_stage else []},
            "comments": {"data": []},
        },
        "links": {"self": f"/api/v2/runs/{found.id}"},
    }


def task_stage(found: Run) -> Json:
    """The stage after the plan, with the run tasks that began in it."""
    failed = any(one.task.status != "passed" for one in found.task_results)
    results = [{"id": one.id, "type": "task-results"} for one in found.task_results]
    at = found.timestamps.get("post-plan-running-at", found.created_at)
    return {
        "id": found.task_stage,
        "type": "task-stages",
        "attributes": {
            "stage": "post_plan",
            "status": "failed" if failed else "passed",
            "status-timestamps": {"running-at": at},
            "created-at": at,
            "updated-at": at,
            "permissions": {"can-override-policy": False, "can-override-tasks": False, "can-override": False},
            "actions": {"is-overridable": False},
        },
        "relationships": {
            "run": _one("runs", found.id),
            "task-results": {"data": results},
            "policy-evaluations": {"data": []},
        },
        "links": {"self": f"/api/v2/task-stages/{found.task_stage}"},
    }


def task_result(run: Run, found: TaskResult) -> Json:
    """What a run task has said."""
    task = found.task
    return {
        "id": found.id,
        "type": "task-results",
        "attributes": {
            "message": task.message,
            "status": task.status,
            "status-timestamps": {"running-at": found.at, f"{task.status}-at": found.at},
            "url": task.url,
            "created-at": found.at,
            "updated-at": found.at,
            "task-id": f"task-{task.name}",
            "task-name": task.name,
            "task-url": f"https://{task.name}.example.com/hook",
            "stage": "post_plan",
            "is-speculative": run.plan_only,
            "workspace-task-id": f"wstask-{task.name}",
            "workspace-task-enforcement-level": task.level,
        },
        "relationships": {"task-stage": _one("task-stages", run.task_stage)},
        "links": {"self": f"/api/v2/task-results/{found.id}"},
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
        "relationships": {"state-versions": {"data": []}},
        "links": {"self": f"/api/v2/{kind}/{found.id}"},
    }


def events(found: Run) -> Json:
    """What was done with a run, and who did it."""
    listed = [
        {
            "id": event.id,
            "type": "run-events",
            "attributes": {"action": event.action, "created-at": event.at, "description": None},
            "relationships": {"actor": _one("users", user_id(event.actor)), "comment": {"data": None}},
        }
        for event in found.events
    ]
    return {"data": listed, "included": [user(name) for name in dict.fromkeys(event.actor for event in found.events)]}


def comment(number: int, text: str) -> Json:
    """A comment under a run."""
    return {"id": f"comment-{number:016d}", "type": "comments", "attributes": {"body": text}}


def policy_check(found: Run) -> Json:
    """How the policies went."""
    said = found.workspace.policies
    result = {
        "result": not (said and (said.hard_failed or said.soft_failed)),
        "passed": said.passed if said else 0,
        "total-failed": (said.hard_failed + said.soft_failed + said.advisory_failed) if said else 0,
        "hard-failed": said.hard_failed if said else 0,
        "soft-failed": said.soft_failed if said else 0,
        "advisory-failed": said.advisory_failed if said else 0,
        "duration": 0,
        "sentinel": None,
    }
    status = "hard_failed" if result["hard-failed"] else "soft_failed" if result["soft-failed"] else "passed"
    return {
        "id": found.policy_check,
        "type": "policy-checks",
        "attributes": {
            "result": result,
            "scope": "organization",
            "status": status,
            "status-timestamps": {},
            "actions": {"is-overridable": status == "soft_failed"},
            "permissions": {"can-override": False},
        },
    }


def cost_estimate(found: Run) -> Json:
    """What it would cost."""
    costs = found.workspace.costs
    return {
        "id": found.cost_estimate,
        "type": "cost-estimates",
        "attributes": {
            "delta-monthly-cost": costs.delta if costs else "0.0",
            "error-message": None,
            "matched-resources-count": 4,
            "prior-monthly-cost": "0.0",
            "proposed-monthly-cost": costs.proposed if costs else "0.0",
            "resources-count": 5,
            "status": "finished" if costs else "pending",
            "status-timestamps": {},
            "unmatched-resources-count": 1,
        },
    }
