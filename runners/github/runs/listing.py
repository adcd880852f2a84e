"""The runs of a workflow: listed, and read with or without their jobs."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from runners.errors import NotFoundError
from runners.github.api.errors import check_repository
from runners.github.api.reads import CachedReads
from runners.github.runs import attempt_jobs
from runners.github.runs.attempt_jobs import AttemptJobs
from runners.github.runs.parsing import parse_run, with_jobs

if TYPE_CHECKING:
    from datetime import datetime

    from runners.github import Answer, GitHub
    from runners.results import WorkflowRun

PER_PAGE = 100  # the most that GitHub gives
MOST_RUNS = 1_000  # GitHub searches no further
MOST_RUNS_WITH_JOBS = 100  # of one listing; older runs are not read
UNFINISHED = ("in_progress", "queued", "waiting", "pending", "requested")


class RunList:
    """A workflow's runs, at most the newest `most` (rounded up to whole pages of a hundred), for repeated listing."""

    def __init__(self, github: GitHub, repository: str, workflow: str, *, most: int = MOST_RUNS) -> None:
        self._github = github
        self._repository = repository
        self._pages = ceil(most / PER_PAGE)
        self._doing = f"listing the runs of {workflow} in {repository}"
        self._workflow = workflow
        self._path = f"/repos/{repository}/actions/workflows/{quote(workflow, safe='')}/runs"
        self._last_url = ""
        self._etag: str | None = None
        self._unreadable: dict[object, Exception] = {}
        self._reported: set[object] = set()

    def take_unreadable(self) -> dict[object, Exception]:
        """The numbers of runs that GitHub listed in a shape that cannot be read, with the error; each once."""
        fresh, self._unreadable = self._unreadable, {}
        self._reported |= fresh.keys()
        return fresh

    async def created_since(self, since: datetime) -> tuple[WorkflowRun, ...] | None:
        """The runs created at `since` (to the second, aware UTC) or later, newest first, without their jobs.

        None when the last call had the same argument and nothing has changed: that costs nothing of the rate limit.
        GitHub's list lags behind by seconds.

        Raises:
            NotFoundError: no such workflow.
            RunnerError: or one of its kinds.
        """
        check_repository(self._repository, self._doing)
        url = f"{self._path}?{urlencode({'created': f'>={since:%Y-%m-%dT%H:%M:%SZ}', 'per_page': PER_PAGE})}"
        try:
            return await self._read(url)
        except NotFoundError:
            raise no_workflow(self._doing, self._repository, self._workflow) from None

    async def _read(self, url: str) -> tuple[WorkflowRun, ...] | None:
        etag = self._etag if url == self._last_url else None
        first = await self._github.get(self._repository, url, doing=self._doing, etag=etag)
        if first.unchanged:
            return None
        runs: list[dict[str, Any]] = list(first.data["workflow_runs"])
        for page in range(2, self._pages + 1):
            if len(runs) >= first.data["total_count"]:
                break
            more = await self._github.get(self._repository, f"{url}&page={page}", doing=self._doing)
            runs += more.data["workflow_runs"]
        self._last_url, self._etag = url, first.etag
        return tuple(parsed for run in runs if (parsed := self._parsed(run)))

    def _parsed(self, run: dict[str, Any]) -> WorkflowRun | None:
        """The run; None for one that cannot be read, which must not hide the others."""
        try:
            return parse_run(self._repository, run)
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            number = run.get("id")
            if number not in self._reported:
                self._unreadable[number] = error
            return None


def no_workflow(doing: str, repository: str, workflow: str) -> NotFoundError:
    """What GitHub's 404 means where a workflow was named."""
    return NotFoundError(
        doing,
        f"there is no workflow {workflow} in {repository}, or it is hidden from us",
        remedy="Check the file's name under .github/workflows and that the token or App may see the repository.",
    )


async def read_run(github: GitHub, repository: str, run_id: int) -> WorkflowRun:
    """The present state of a run, without its jobs.

    Raises:
        NotFoundError: no such run.
    """
    doing = f"reading run {run_id} of {repository}"
    check_repository(repository, doing)
    answer = await github.get(repository, f"/repos/{repository}/actions/runs/{run_id}", doing=doing)
    return parse_run(repository, answer.data)


async def unfinished_runs(github: GitHub, repository: str, workflow: str) -> tuple[WorkflowRun, ...]:
    """The workflow's runs that have not ended, newest first, without their jobs.

    Raises:
        NotFoundError: no such workflow.
    """
    doing = f"listing the runs of {workflow} in {repository}"
    path = f"/actions/workflows/{quote(workflow, safe='')}/runs?per_page=30"
    try:
        runs = (await CachedReads(github).get(repository, path, doing=doing))["workflow_runs"]
    except NotFoundError:
        raise no_workflow(doing, repository, workflow) from None
    return tuple(parse_run(repository, run) for run in runs if run["status"] in UNFINISHED)


async def runs_since(github: GitHub, repository: str, workflow: str, since: datetime) -> tuple[WorkflowRun, ...]:
    """The workflow's runs created at `since` (aware UTC) or later, newest first, at most a hundred.

    Each comes with the jobs of all its attempts.

    Raises:
        NotFoundError: no such workflow.
    """
    runs = await RunList(github, repository, workflow, most=MOST_RUNS_WITH_JOBS).created_since(since)
    return tuple([await _with_all_jobs(github, run) for run in runs or ()])


async def run_with_jobs(github: GitHub, repository: str, run_id: int) -> WorkflowRun | None:
    """A run with the jobs of all its attempts; None when GitHub has no such run (any more)."""
    try:
        run = await read_run(github, repository, run_id)
    except NotFoundError:
        return None
    return await _with_all_jobs(github, run)


async def _with_all_jobs(github: GitHub, run: WorkflowRun) -> WorkflowRun:
    path = f"/repos/{run.repository}/actions/runs/{run.run_id}/jobs?filter=all&per_page={attempt_jobs.PER_PAGE}"

    async def read(page: int, etag: str | None) -> Answer:
        doing = f"reading the jobs of run {run.run_id}"
        return await github.get(run.repository, f"{path}&page={page}", doing=doing, etag=etag)

    jobs = AttemptJobs()
    await jobs.poll(read, whole=True)
    return with_jobs(run, jobs.jobs)
