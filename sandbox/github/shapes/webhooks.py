"""The event-specific fields of webhook payloads, in GitHub's shape."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from sandbox.github.checks import ACTIONS
from sandbox.github.events import Deployed, PullChanged, Pushed
from sandbox.github.shapes import actions, deployments, pulls, push
from sandbox.github.shapes.checks import app
from sandbox.github.shapes.common import FOUNDED, api_of, node_id, stamp

if TYPE_CHECKING:
    from sandbox.github.events import Event
    from sandbox.github.repository import Repository
    from sandbox.github.runs import Job, Run
    from sandbox.github.web import Json

HOOK_ID = 512_345_678


def of_event(base: str, repository: Repository, event: Event) -> tuple[str, str | None, Json]:
    """The event's name and action, and its fields."""
    match event:
        case Pushed():
            payload = push.push(base, repository, event.branch, event.before, event.after, by=event.sender)
            return "push", None, payload
        case PullChanged():
            described = pulls.pull(base, repository, event.pull)
            moved = dict(zip(("before", "after"), event.moved, strict=True)) if event.moved else {}
            return "pull_request", event.action, {"number": event.pull.number, "pull_request": described, **moved}
        case Deployed():
            return _of_deployment(base, repository, event)


def _of_deployment(base: str, repository: Repository, event: Deployed) -> tuple[str, str, Json]:
    deployment_json = deployments.deployment(base, repository, event.deployment)
    payload: Json = {"deployment": deployment_json, "workflow": None, "workflow_run": None}
    if event.status is None:
        return "deployment", "created", payload
    payload["deployment_status"] = deployments.status(base, repository, event.deployment, event.status)
    payload["check_run"] = None
    return "deployment_status", "created", payload


def of_job(base: str, repository: Repository, run: Run, job: Job) -> Json:
    """The fields of a job event."""
    return {"workflow_job": actions.job(base, repository, run, job)}


def of_run(base: str, repository: Repository, run: Run) -> Json:
    """The fields of a run event."""
    return {
        "workflow_run": actions.run(base, repository, run),
        "workflow": actions.workflow(base, repository, run.workflow),
    }


def of_suite(base: str, repository: Repository, run: Run) -> Json:
    """The fields of a check suite event for a run's suite."""
    url = f"{api_of(base, repository)}/check-suites/{run.suite_id}"
    suite = {
        "id": run.suite_id,
        "node_id": node_id("CS", run.suite_id),
        "head_branch": run.branch,
        "head_sha": run.commit.sha,
        "status": run.status,
        "conclusion": run.conclusion,
        "url": url,
        "before": run.commit.parents[0] if run.commit.parents else None,
        "after": run.commit.sha,
        "pull_requests": [],
        "app": app(base, ACTIONS),
        "created_at": stamp(run.created_at),
        "updated_at": stamp(run.updated_at),
        "rerequestable": True,
        "runs_rerequestable": False,
        "latest_check_runs_count": len(run.latest_jobs),
        "check_runs_url": f"{url}/check-runs",
        "head_commit": actions.head_commit(run),
    }
    return {"check_suite": suite}


def pushed_repository(full: Json) -> Json:
    """A repository in a push event: times in Unix seconds, and the owner's name."""
    seconds = {key: int(datetime.fromisoformat(full[key]).timestamp()) for key in ("created_at", "pushed_at")}
    owner = {**full["owner"], "name": full["owner"]["login"], "email": None}
    return {
        **full,
        **seconds,
        "owner": owner,
        "organization": full["owner"]["login"],
        "stargazers": full["stargazers_count"],
        "master_branch": full["default_branch"],
    }


def ping(base: str, url: str, events: frozenset[str]) -> Json:
    """The fields of the ping to a new webhook with these events at this URL."""
    hook = {
        "type": "Repository",
        "id": HOOK_ID,
        "name": "web",
        "active": True,
        "events": sorted(events - {"ping"}),
        "config": {"content_type": "json", "insecure_ssl": "0", "secret": "********", "url": url},
        "updated_at": FOUNDED,
        "created_at": FOUNDED,
        "url": f"{base}/hooks/{HOOK_ID}",
        "ping_url": f"{base}/hooks/{HOOK_ID}/pings",
        "deliveries_url": f"{base}/hooks/{HOOK_ID}/deliveries",
        "last_response": {"code": None, "status": "unused", "message": None},
    }
    return {"zen": "Keep it logically awesome.", "hook_id": HOOK_ID, "hook": hook}
