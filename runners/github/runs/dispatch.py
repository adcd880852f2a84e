"""Dispatches a workflow of GitHub Actions, once, and finds the run that it started."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from runners.errors import NotFoundError, RunnerError
from runners.github.api.errors import check_repository
from runners.github.runs.listing import no_workflow
from runners.github.runs.parsing import parse_run

if TYPE_CHECKING:
    from collections.abc import Mapping

    from github.Repository import Repository

    from runners.github import GitHub
    from runners.results import WorkflowRun

_NEWEST = 50  # runs that are searched: fewer start between a dispatch and the search for its run


async def newest_run_id(github: GitHub, repository: str, workflow: str) -> int:
    """The highest id of the workflow's dispatched runs, 0 when there is none: runs with higher ids started after this call.

    Raises:
        NotFoundError: no such workflow.
    """
    runs = await _newest_runs(github, repository, workflow, f"listing the runs of {workflow} in {repository}")
    return max((run["id"] for run in runs), default=0)


async def dispatch(
    github: GitHub, repository: str, workflow: str, ref: str, inputs: Mapping[str, str] | None = None
) -> int | None:
    """Start a workflow by its `workflow_dispatch` trigger, on a branch or tag; the request is never repeated.

    Returns the run's id, or None where GitHub does not give it (Enterprise servers do not): see `started_runs`.

    Raises:
        UncertainError: no answer came: it may have started.
        NotFoundError: no such workflow or ref.
        AccessDeniedError: the token may not write `actions`.
        RunnerError: the workflow has no such trigger, or other inputs.
    """
    doing = f"dispatching {workflow} at {ref} in {repository}"

    def start(its: Repository) -> int | None:
        try:
            its_workflow = its.get_workflow(workflow)
            run = its_workflow.create_dispatch(ref, dict(inputs or {}), throw=True, return_run_details=True)
        except KeyError:  # it started, and the answer has no run's id
            return None
        return getattr(run, "id", None)  # contrary to its types it is True after a 204

    def start_without_details(its: Repository) -> None:
        its.get_workflow(workflow).create_dispatch(ref, dict(inputs or {}), throw=True)

    try:
        try:
            return await github.call(repository, start, doing=doing, changes=True)
        except RunnerError as error:
            if "return_run_details" not in error.problem:
                raise
            # Refused for this key alone, by an Enterprise server (benc-uk/workflow-dispatch#86): nothing has started.
            await github.call(repository, start_without_details, doing=doing, changes=True)
            return None
    except NotFoundError as error:
        if "ref" in error.problem or "tag" in error.problem:
            raise
        raise no_workflow(doing, repository, workflow) from None


async def started_runs(
    github: GitHub, repository: str, workflow: str, *, ref: str, head_sha: str, after_run_id: int, mark: str = ""
) -> tuple[WorkflowRun, ...]:
    """The runs that our dispatch may have started, those at `head_sha` first: by us, on `ref`, newer than the baseline.

    The ref may have moved between resolving and dispatching, so runs at another commit are among them. With `mark` only
    runs that show it count: GitHub's API gives no inputs of a run, but its name and its jobs' names. GitHub's list lags
    by seconds.
    """
    doing = f"looking for our run of {workflow} in {repository}"
    us = await github.login(repository)
    name = ref.removeprefix("refs/heads/").removeprefix("refs/tags/")
    ours = [
        run
        for run in await _newest_runs(github, repository, workflow, doing)
        if run["id"] > after_run_id
        and run["event"] == "workflow_dispatch"
        and run["head_branch"] == name
        and us in (None, (run.get("actor") or {}).get("login"))
    ]
    if mark:
        ours = [run for run in ours if await _shows(github, repository, run, mark)]
    ours.sort(key=lambda run: (run["head_sha"] != head_sha, run["id"]))
    return tuple(parse_run(repository, run) for run in ours)


async def _shows(github: GitHub, repository: str, run: Mapping[str, Any], mark: str) -> bool:
    # `name` was the run's own name before `display_title` existed, and still is on some servers.
    if any(_has(str(run.get(key) or ""), mark) for key in ("display_title", "name")):
        return True
    path = f"/repos/{repository}/actions/runs/{run['id']}/jobs?per_page=100"
    jobs = (await github.get(repository, path, doing=f"reading the jobs of run {run['id']}")).data["jobs"]
    return any(_has(str(job["name"]), mark) for job in jobs)


def _has(text: str, mark: str) -> bool:
    """Whether the text has the mark as a whole word: the mark of #4 is not in the mark of #42."""
    return re.search(rf"(?<![\w-]){re.escape(mark)}(?![\w-])", text) is not None


async def _newest_runs(github: GitHub, repository: str, workflow: str, doing: str) -> list[dict[str, Any]]:
    check_repository(repository, doing)
    path = f"/repos/{repository}/actions/workflows/{quote(workflow, safe='')}/runs"
    try:
        answer = await github.get(repository, f"{path}?event=workflow_dispatch&per_page={_NEWEST}", doing=doing)
    except NotFoundError:
        raise no_workflow(doing, repository, workflow) from None
    return list(answer.data["workflow_runs"])
