"""Workflows, runs and jobs in the shape of GitHub's answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.github.shapes.common import api_of, node_id, number_of, repository_minimal, stamp, stamp_or_none, user

if TYPE_CHECKING:
    from sandbox.github.repository import Repository
    from sandbox.github.runs import Job, Run, Step, Workflow
    from sandbox.github.web import Json


def workflow(base: str, repository: Repository, registered: Workflow) -> Json:
    """A workflow."""
    web = f"{base}/{repository.full_name}"
    return {
        "id": registered.workflow_id,
        "node_id": node_id("W", registered.workflow_id),
        "name": registered.name,
        "path": registered.path,
        "state": registered.state,
        "created_at": stamp(registered.created_at),
        "updated_at": stamp(registered.created_at),
        "url": f"{api_of(base, repository)}/actions/workflows/{registered.workflow_id}",
        "html_url": f"{web}/blob/{repository.default_branch}/{registered.path}",
        "badge_url": f"{web}/workflows/{registered.name.replace(' ', '%20')}/badge.svg",
    }


def run_page(base: str, repository: Repository, run_id: int) -> str:
    """The URL of a run's page."""
    return f"{base}/{repository.full_name}/actions/runs/{run_id}"


def run(base: str, repository: Repository, workflow_run: Run) -> Json:
    """A run."""
    here = api_of(base, repository)
    url = f"{here}/actions/runs/{workflow_run.run_id}"
    suite = workflow_run.suite_id
    embedded = repository_minimal(base, repository)
    return {
        "id": workflow_run.run_id,
        "name": workflow_run.file.name,
        "node_id": node_id("WFR", workflow_run.run_id),
        "head_branch": workflow_run.branch,
        "head_sha": workflow_run.commit.sha,
        "path": workflow_run.workflow.path,
        "display_title": workflow_run.title,
        "run_number": workflow_run.number,
        "event": workflow_run.event,
        "status": workflow_run.status,
        "conclusion": workflow_run.conclusion,
        "workflow_id": workflow_run.workflow.workflow_id,
        "check_suite_id": suite,
        "check_suite_node_id": node_id("CS", suite),
        "url": url,
        "html_url": run_page(base, repository, workflow_run.run_id),
        "pull_requests": [],
        "created_at": stamp(workflow_run.created_at),
        "updated_at": stamp(workflow_run.updated_at),
        "actor": user(base, workflow_run.actor),
        "run_attempt": workflow_run.attempt,
        "referenced_workflows": [],
        "run_started_at": stamp(workflow_run.started_at),
        "triggering_actor": user(base, workflow_run.triggering_actor),
        "jobs_url": f"{url}/jobs",
        "logs_url": f"{url}/logs",
        "check_suite_url": f"{here}/check-suites/{suite}",
        "artifacts_url": f"{url}/artifacts",
        "cancel_url": f"{url}/cancel",
        "rerun_url": f"{url}/rerun",
        "previous_attempt_url": f"{url}/attempts/{workflow_run.attempt - 1}" if workflow_run.attempt > 1 else None,
        "workflow_url": f"{here}/actions/workflows/{workflow_run.workflow.workflow_id}",
        "head_commit": head_commit(workflow_run),
        "repository": embedded,
        "head_repository": embedded,
    }


def head_commit(workflow_run: Run) -> Json:
    """The commit of a run, for runs and check suites."""
    who = {"name": workflow_run.commit.author.name, "email": workflow_run.commit.author.email}
    return {
        "id": workflow_run.commit.sha,
        "tree_id": workflow_run.commit.tree,
        "message": workflow_run.commit.message,
        "timestamp": stamp(workflow_run.commit.at),
        "author": who,
        "committer": who,
    }


def job(base: str, repository: Repository, of: Run, run_job: Job) -> Json:
    """A job. Before it runs, GitHub gives its creation as its start, and no steps."""
    here = api_of(base, repository)
    return {
        "id": run_job.job_id,
        "run_id": of.run_id,
        "workflow_name": of.file.name,
        "head_branch": of.branch,
        "run_url": f"{here}/actions/runs/{of.run_id}",
        "run_attempt": run_job.attempt,
        "node_id": node_id("CR", run_job.job_id),
        "head_sha": of.commit.sha,
        "url": f"{here}/actions/jobs/{run_job.job_id}",
        "html_url": f"{run_page(base, repository, of.run_id)}/job/{run_job.job_id}",
        "status": run_job.status,
        "conclusion": run_job.conclusion,
        "created_at": stamp(run_job.created_at),
        "started_at": stamp(run_job.started_at or run_job.created_at),
        "completed_at": stamp_or_none(run_job.completed_at),
        "name": run_job.name,
        "steps": [_step(step) for step in run_job.steps] if run_job.ran else [],
        "check_run_url": f"{here}/check-runs/{run_job.job_id}",
        "labels": list(run_job.labels),
        "runner_id": 1 + run_job.job_id % 20 if run_job.ran else None,
        "runner_name": f"GitHub Actions {1 + run_job.job_id % 20}" if run_job.ran else None,
        "runner_group_id": 0 if run_job.ran else None,
        "runner_group_name": "GitHub Actions" if run_job.ran else None,
    }


def pending(base: str, repository: Repository, held: Job) -> Json:
    """An environment that holds a job; the caller is none of its reviewers."""
    number = number_of(f"{repository.full_name}/{held.environment}")
    environment = {
        "id": number,
        "node_id": node_id("EN", number),
        "name": held.environment,
        "url": f"{api_of(base, repository)}/environments/{held.environment}",
        "html_url": f"{base}/{repository.full_name}/deployments/activity_log?environments_filter={held.environment}",
    }
    return {
        "environment": environment,
        "wait_timer": 0,
        "wait_timer_started_at": None,
        "current_user_can_approve": False,
        "reviewers": [{"type": "User", "reviewer": user(base, login)} for login in held.reviewers],
    }


def _step(step: Step) -> Json:
    return {
        "name": step.name,
        "status": step.status,
        "conclusion": step.conclusion,
        "number": step.number,
        "started_at": stamp_or_none(step.started_at),
        "completed_at": stamp_or_none(step.completed_at),
    }
