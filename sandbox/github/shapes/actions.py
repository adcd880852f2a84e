"""Workflows, runs and jobs in the shape of GitHub's answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.github.shapes.common import api_of, node_id, repository_minimal, stamp, stamp_or_none, user

if TYPE_CHECKING:
    from sandbox.github.repository import Repository
    from sandbox.github.runs import Job, Run, Step, Workflow
    from sandbox.github.web import Json


def workflow(base: str, repository: Repository, one: Workflow) -> Json:
    """One workflow."""
    web = f"{base}/{repository.full_name}"
    return {
        "id": one.workflow_id,
        "node_id": node_id("W", one.workflow_id),
        "name": one.name,
        "path": one.path,
        "state": one.state,
        "created_at": stamp(one.created_at),
        "updated_at": stamp(one.created_at),
        "url": f"{api_of(base, repository)}/actions/workflows/{one.workflow_id}",
        "html_url": f"{web}/blob/{repository.default_branch}/{one.path}",
        "badge_url": f"{web}/workflows/{one.name.replace(' ', '%20')}/badge.svg",
    }


def run_page(base: str, repository: Repository, run_id: int) -> str:
    """Where a person looks at a run."""
    return f"{base}/{repository.full_name}/actions/runs/{run_id}"


def run(base: str, repository: Repository, one: Run) -> Json:
    """One run as it stands."""
    here = api_of(base, repository)
    url = f"{here}/actions/runs/{one.run_id}"
    suite = one.suite_id
    embedded = repository_minimal(base, repository)
    return {
        "id": one.run_id,
        "name": one.file.name,
        "node_id": node_id("WFR", one.run_id),
        "head_branch": one.branch,
        "head_sha": one.commit.sha,
        "path": one.workflow.path,
        "display_title": one.title,
        "run_number": one.number,
        "event": one.event,
        "status": one.status,
        "conclusion": one.conclusion,
        "workflow_id": one.workflow.workflow_id,
        "check_suite_id": suite,
        "check_suite_node_id": node_id("CS", suite),
        "url": url,
        "html_url": run_page(base, repository, one.run_id),
        "pull_requests": [],
        "created_at": stamp(one.created_at),
        "updated_at": stamp(one.updated_at),
        "actor": user(base, one.actor),
        "run_attempt": one.attempt,
        "referenced_workflows": [],
        "run_started_at": stamp(one.started_at),
        "triggering_actor": user(base, one.triggering_actor),
        "jobs_url": f"{url}/jobs",
        "logs_url": f"{url}/logs",
        "check_suite_url": f"{here}/check-suites/{suite}",
        "artifacts_url": f"{url}/artifacts",
        "cancel_url": f"{url}/cancel",
        "rerun_url": f"{url}/rerun",
        "previous_attempt_url": f"{url}/attempts/{one.attempt - 1}" if one.attempt > 1 else None,
        "workflow_url": f"{here}/actions/workflows/{one.workflow.workflow_id}",
        "head_commit": head_commit(one),
        "repository": embedded,
        "head_repository": embedded,
    }


def head_commit(one: Run) -> Json:
    """The commit that a run is of, as runs and check suites hold it."""
    who = {"name": one.commit.author.name, "email": one.commit.author.email}
    return {
        "id": one.commit.sha,
        "tree_id": one.commit.tree,
        "message": one.commit.message,
        "timestamp": stamp(one.commit.at),
        "author": who,
        "committer": who,
    }


def job(base: str, repository: Repository, of: Run, one: Job) -> Json:
    """One job as it stands. Until a runner took it, GitHub gives its creation as its start, and no steps."""
    here = api_of(base, repository)
    return {
        "id": one.job_id,
        "run_id": of.run_id,
        "workflow_name": of.file.name,
        "head_branch": of.branch,
        "run_url": f"{here}/actions/runs/{of.run_id}",
        "run_attempt": one.attempt,
        "node_id": node_id("CR", one.job_id),
        "head_sha": of.commit.sha,
        "url": f"{here}/actions/jobs/{one.job_id}",
        "html_url": f"{run_page(base, repository, of.run_id)}/job/{one.job_id}",
        "status": one.status,
        "conclusion": one.conclusion,
        "created_at": stamp(one.created_at),
        "started_at": stamp(one.started_at or one.created_at),
        "completed_at": stamp_or_none(one.completed_at),
        "name": one.name,
        "steps": [_step(step) for step in one.steps] if one.ran else [],
        "check_run_url": f"{here}/check-runs/{one.job_id}",
        "labels": [one.file.runs_on],
        "runner_id": 1 + one.job_id % 20 if one.ran else None,
        "runner_name": f"GitHub Actions {1 + one.job_id % 20}" if one.ran else None,
        "runner_group_id": 0 if one.ran else None,
        "runner_group_name": "GitHub Actions" if one.ran else None,
    }


def _step(one: Step) -> Json:
    return {
        "name": one.name,
        "status": one.status,
        "conclusion": one.conclusion,
        "number": one.number,
        "started_at": stamp_or_none(one.started_at),
        "completed_at": stamp_or_none(one.completed_at),
    }
