"""GitHub's runs and jobs as values: pure functions from its JSON."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from runners.results import Job, State, WorkflowRun

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# https://docs.github.com/en/rest/actions/workflow-runs: status, and conclusion once status is "completed".
_CONCLUSIONS = {
    "success": State.SUCCEEDED,
    "neutral": State.SUCCEEDED,
    "skipped": State.SKIPPED,
    "cancelled": State.CANCELLED,
    "failure": State.FAILED,
    "timed_out": State.FAILED,
    "startup_failure": State.FAILED,
}
_FAILED_STEP = ("failure", "timed_out", "cancelled")  # as a step's conclusion, worst first


def parse_state(status: str | None, conclusion: str | None) -> State:
    """The state of a run or job. An unknown status counts as waiting, an unknown conclusion as unknown."""
    if status == "completed":
        # For a moment GitHub answers "completed" without a conclusion.
        return _CONCLUSIONS.get(conclusion, State.UNKNOWN) if conclusion else State.RUNNING
    return State.RUNNING if status == "in_progress" else State.WAITING


def parse_run(repository: str, run: Mapping[str, Any], jobs: Sequence[Job] = ()) -> WorkflowRun:
    """A run, from GitHub's `workflow-run` object, with its jobs."""
    state = parse_state(run["status"], run["conclusion"])
    bare = WorkflowRun(
        repository=repository,
        run_id=run["id"],
        number=run["run_number"],
        attempt=run.get("run_attempt") or 1,
        workflow=run.get("name") or run["path"].rpartition("/")[2],
        head_sha=run["head_sha"],
        state=state,
        url=run["html_url"],
        created_at=datetime.fromisoformat(run["created_at"]),
        ended_at=_time(run.get("updated_at")) if state.ended else None,
        actor=actor_of(run),
        event=run.get("event") or "",
        branch=run.get("head_branch") or "",
        file=file_of(run),
    )
    return with_jobs(bare, jobs)


def with_jobs(run: WorkflowRun, jobs: Sequence[Job]) -> WorkflowRun:
    """The run with its jobs, which decide on its state and its end."""
    state = run.state
    # GitHub calls a run queued as long as any of its jobs is, although others run (cli/cli#13972).
    if state is State.WAITING and any(job.state is not State.WAITING for job in jobs):
        state = State.RUNNING
    # A run has no time of its end, and `updated_at` moves when its logs are deleted.
    ends = [job.ended_at for job in jobs if job.ended_at]
    ended_at = max(ends) if ends and state.ended else run.ended_at
    return replace(run, jobs=tuple(jobs), state=state, ended_at=ended_at)


def file_of(described: Mapping[str, Any]) -> str:
    """The name of the file of a workflow or run: its `path` may end with `@` and a ref."""
    return str(described.get("path") or "").partition("@")[0].rpartition("/")[2]


def actor_of(run: Mapping[str, Any]) -> str:
    """The login of who started the run's present attempt; empty where GitHub leaves it out."""
    return (run.get("triggering_actor") or run.get("actor") or {}).get("login") or ""


def parse_job(job: Mapping[str, Any]) -> Job:
    """A job, from GitHub's `job` object."""
    state = parse_state(job["status"], job["conclusion"])
    return Job(
        job_id=job["id"],
        name=job["name"],
        state=state,
        url=job.get("html_url") or "",
        started_at=_time(job.get("started_at")) if state is not State.WAITING else None,
        ended_at=_time(job.get("completed_at")),
        failing_step=_failing_step(job.get("steps") or ()),
        held=job["status"] == "waiting",
    )


def _failing_step(steps: Sequence[Mapping[str, Any]]) -> str | None:
    for conclusion in _FAILED_STEP:
        for step in steps:
            if step.get("conclusion") == conclusion:
                return str(step["name"])
    return None


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
