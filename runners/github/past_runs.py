"""The runs of a workflow since some time, each with the jobs of all its attempts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from runners.errors import NotFoundError
from runners.github.http import check_repository
from runners.github.runs import job_of, run_of

if TYPE_CHECKING:
    from datetime import datetime

    from runners.github import GitHub
    from runners.results import Job, WorkflowRun

PER_PAGE = 100  # the most that GitHub gives
MOST_RUNS = 100  # of one look; older ones are not read
MOST_JOBS = 1_000  # of a run and all its attempts


async def runs_since(github: GitHub, repository: str, workflow: str, since: datetime) -> tuple[WorkflowRun, ...]:
    """The workflow's runs that were created since then (aware), newest first, at most a hundred.

    Raises:
        NotFoundError: no such workflow.
    """
    doing = f"listing the runs of {workflow} in {repository}"
    check_repository(repository, doing)
    created = quote(f">={since:%Y-%m-%dT%H:%M:%SZ}", safe="")
    path = f"/repos/{repository}/actions/workflows/{quote(workflow, safe='')}/runs"
    answer = await github.get(repository, f"{path}?created={created}&per_page={MOST_RUNS}", doing=doing)
    return tuple([await _with_jobs(github, repository, run) for run in answer.data["workflow_runs"]])


async def run_with_jobs(github: GitHub, repository: str, run_id: int) -> WorkflowRun | None:
    """One run with the jobs of all its attempts; None when GitHub does not know it (any more)."""
    doing = f"reading run {run_id} of {repository}"
    check_repository(repository, doing)
    try:
        answer = await github.get(repository, f"/repos/{repository}/actions/runs/{run_id}", doing=doing)
    except NotFoundError:
        return None
    return await _with_jobs(github, repository, answer.data)


async def _with_jobs(github: GitHub, repository: str, run: dict[str, Any]) -> WorkflowRun:
    return run_of(repository, run, await _jobs(github, repository, run["id"]))


async def _jobs(github: GitHub, repository: str, run_id: int) -> list[Job]:
    path = f"/repos/{repository}/actions/runs/{run_id}/jobs?filter=all&per_page={PER_PAGE}"
    jobs: list[Job] = []
    for page in range(1, MOST_JOBS // PER_PAGE + 1):
        answer = await github.get(repository, f"{path}&page={page}", doing=f"reading the jobs of run {run_id}")
        jobs += [job_of(job) for job in answer.data["jobs"]]
        if len(answer.data["jobs"]) < PER_PAGE:
            break
    return jobs
