"""Checks of a plan before it is applied: run tasks, policies, the cost estimate."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.hcp.shapes.common import related, related_all

if TYPE_CHECKING:
    from sandbox.hcp.model import Run, TaskResult
    from sandbox.hcp.web import Json


def task_stage(run: Run) -> Json:
    """The task stage after the plan, with the results of its run tasks."""
    failed = any(task_result.task.status != "passed" for task_result in run.task_results)
    at = run.timestamps.get("post-plan-running-at", run.created_at)
    return {
        "id": run.task_stage,
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
            "run": related("runs", run.id),
            "task-results": related_all("task-results", (task_result.id for task_result in run.task_results)),
            "policy-evaluations": related_all("policy-evaluations", []),
        },
        "links": {"self": f"/api/v2/task-stages/{run.task_stage}"},
    }


def task_result(run: Run, result: TaskResult) -> Json:
    """The result of a run task."""
    task = result.task
    return {
        "id": result.id,
        "type": "task-results",
        "attributes": {
            "message": task.message,
            "status": task.status,
            "status-timestamps": {"running-at": result.at, f"{task.status}-at": result.at},
            "url": task.url,
            "created-at": result.at,
            "updated-at": result.at,
            "task-id": f"task-{task.name}",
            "task-name": task.name,
            "task-url": f"https://{task.name}.example.com/hook",
            "stage": "post_plan",
            "is-speculative": run.plan_only,
            "workspace-task-id": f"wstask-{task.name}",
            "workspace-task-enforcement-level": task.level,
        },
        "relationships": {"task-stage": related("task-stages", run.task_stage)},
        "links": {"self": f"/api/v2/task-results/{result.id}"},
    }


def policy_check(run: Run) -> Json:
    """The results of the policies."""
    outcomes = run.workspace.policies
    result = {
        "result": not (outcomes and (outcomes.hard_failed or outcomes.soft_failed)),
        "passed": outcomes.passed if outcomes else 0,
        "total-failed": (outcomes.hard_failed + outcomes.soft_failed + outcomes.advisory_failed) if outcomes else 0,
        "hard-failed": outcomes.hard_failed if outcomes else 0,
        "soft-failed": outcomes.soft_failed if outcomes else 0,
        "advisory-failed": outcomes.advisory_failed if outcomes else 0,
        "duration": 0,
        "sentinel": None,
    }
    status = "hard_failed" if result["hard-failed"] else "soft_failed" if result["soft-failed"] else "passed"
    return {
        "id": run.policy_check,
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


def cost_estimate(run: Run) -> Json:
    """The cost estimate."""
    costs = run.workspace.costs
    return {
        "id": run.cost_estimate,
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
