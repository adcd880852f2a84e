"""What looks at a plan before it is applied: run tasks, policies, the estimate of its cost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.hcp.shapes.common import related, related_all

if TYPE_CHECKING:
    from sandbox.hcp.model import Run, TaskResult
    from sandbox.hcp.web import Json


def task_stage(found: Run) -> Json:
    """The stage after the plan, with the run tasks that began in it."""
    failed = any(task_result.task.status != "passed" for task_result in found.task_results)
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
            "run": related("runs", found.id),
            "task-results": related_all("task-results", (task_result.id for task_result in found.task_results)),
            "policy-evaluations": related_all("policy-evaluations", []),
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
        "relationships": {"task-stage": related("task-stages", run.task_stage)},
        "links": {"self": f"/api/v2/task-results/{found.id}"},
    }


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
