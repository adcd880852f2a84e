"""The runs of a workflow, whoever started them."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from runners.errors import NotFoundError
from runners.github.api.errors import check_repository
from runners.github.runs.runs import run_of

if TYPE_CHECKING:
    from datetime import datetime

    from runners.github import GitHub
    from runners.results import WorkflowRun

PER_PAGE = 100  # the most that GitHub gives
MOST_RUNS = 1_000  # and it searches no further


class RunList:
    """A workflow's runs, at most the newest `most` (rounded up to whole pages of a hundred), asked for again and again."""

    def __init__(self, github: GitHub, repository: str, workflow: str, *, most: int = MOST_RUNS) -> None:
        self._github = github
        self._repository = repository
        self._pages = ceil(most / PER_PAGE)
        self._doing = f"listing the runs of {workflow} in {repository}"
        self._remedy = f"Check the name {workflow} under .github/workflows, and that we may see {repository}."
        self._path = f"/repos/{repository}/actions/workflows/{quote(workflow, safe='')}/runs"
        self._asked = ""
        self._etag: str | None = None

    async def created_since(self, since: datetime) -> tuple[WorkflowRun, ...] | None:
        """The runs that were created then (to the second, aware UTC) or later, newest first, without their jobs.

        None when the same was asked last and nothing has changed: that costs nothing of the rate limit. GitHub's list
        lags behind by seconds.

        Raises:
            NotFoundError: no such workflow.
            RunnerError: or one of its kinds.
        """
        check_repository(self._repository, self._doing)
        asked = f"{self._path}?{urlencode({'created': f'>={since:%Y-%m-%dT%H:%M:%SZ}', 'per_page': PER_PAGE})}"
        try:
            return await self._ask(asked)
        except NotFoundError as error:
            raise NotFoundError(self._doing, error.problem, remedy=self._remedy) from None

    async def _ask(self, asked: str) -> tuple[WorkflowRun, ...] | None:
        etag = self._etag if asked == self._asked else None
        first = await self._github.get(self._repository, asked, doing=self._doing, etag=etag)
        if first.unchanged:
            return None
        found: list[dict[str, Any]] = list(first.data["workflow_runs"])
        for page in range(2, self._pages + 1):
            if len(found) >= first.data["total_count"]:
                break
            more = await self._github.get(self._repository, f"{asked}&page={page}", doing=self._doing)
            found += more.data["workflow_runs"]
        self._asked, self._etag = asked, first.etag
        return tuple(run_of(self._repository, run) for run in found)


async def read_run(github: GitHub, repository: str, run_id: int) -> WorkflowRun:
    """One run as it stands, without its jobs.

    Raises:
        NotFoundError: no such run.
    """
    doing = f"reading run {run_id} of {repository}"
    check_repository(repository, doing)
    answer = await github.get(repository, f"/repos/{repository}/actions/runs/{run_id}", doing=doing)
    return run_of(repository, answer.data)
