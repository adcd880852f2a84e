"""The runs of a workflow since some time, each with the jobs of all its attempts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runners.errors import NotFoundError
from runners.github.runs.job_list import PER_PAGE, JobList
from runners.github.runs.runs import with_jobs
from runners.github.runs.workflows import RunList, read_run

if TYPE_CHECKING:
    from datetime import datetime

    from runners.github import Answer, GitHub
    from runners.results import WorkflowRun

MOST_RUNS = 100  # of one look; older ones are not read


async def runs_since(github: GitHub, repository: str, workflow: str, since: datetime) -> tuple[WorkflowRun, ...]:
    """The workflow's runs that were created since then (aware UTC), newest first, at most a hundred.

    Raises:
        NotFoundError: no such workflow.
    """
    runs = await RunList(github, repository, workflow, most=MOST_RUNS).created_since(since)
    return tuple([await _with_all_jobs(github, run) for run in runs or ()])


async def run_with_jobs(github: GitHub, repository: str, run_id: int) -> WorkflowRun | None:
    """One run with the jobs of all its attempts; None when GitHub does not know it (any more)."""
    try:
        run = await read_run(github, repository, run_id)
    except NotFoundError:
        return None
    return await _with_all_jobs(github, run)


async def _with_all_jobs(github: GitHub, run: WorkflowRun) -> WorkflowRun:
    path = f"/repos/{run.repository}/actions/runs/{run.run_id}/jobs?filter=all&per_page={PER_PAGE}"

    async def ask(page: int, etag: str | None) -> Answer:
        doing = f"reading the jobs of run {run.run_id}"
        return await github.get(run.repository, f"{path}&page={page}", doing=doing, etag=etag)

    jobs = JobList()
    await jobs.look(ask, whole=True)
    return with_jobs(run, jobs.jobs)
