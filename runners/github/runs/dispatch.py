"""Deploys and builds by GitHub Actions: dispatch a workflow once, find its run, follow it, read its logs."""

from __future__ import annotations

import asyncio
import tempfile
import time
from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from runners.errors import NotFoundError, RunnerError
from runners.github.api.errors import check_repository
from runners.github.runs.logs import download_job_log
from runners.github.runs.watch import PATIENCE
from runners.logs.scan import scan
from runners.results import Commit

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Collection, Mapping

    from github.Repository import Repository

    from runners.github import GitHub
    from runners.results import WorkflowRun

_LOOKED_AT = 50  # of the newest runs: more are never started between a dispatch and the look for it


async def resolve(github: GitHub, repository: str, ref: str) -> Commit:
    """The commit that a branch, tag or SHA stands for now.

    Raises:
        NotFoundError: no such ref, or no such repository.
    """

    def read(its: Repository) -> Commit:
        return commit_from(repository, ref, its.get_commit(ref).raw_data)

    return await github.call(repository, read, doing=f"resolving {ref} in {repository}")


async def compare(github: GitHub, repository: str, base: str, head: str) -> tuple[Commit, ...]:
    """The commits that `head` (a branch, tag or SHA) has and `base` has not, oldest first.

    At most 250, the oldest: as many as GitHub puts into one answer. None when `head` has only lost commits.

    Raises:
        NotFoundError: no such ref, or the two have no commit in common.
    """
    doing = f"comparing {base} and {head} in {repository}"
    check_repository(repository, doing)
    path = f"/repos/{repository}/compare/{quote(base, safe='')}...{quote(head, safe='')}"
    answer = await github.get(repository, path, doing=doing)
    return tuple(commit_from(repository, head, found) for found in answer.data["commits"])


def commit_from(repository: str, ref: str, found: dict[str, Any]) -> Commit:
    """One of GitHub's `commit` objects; `ref` is what was asked for."""
    written = found["commit"]
    return Commit(
        repository=repository,
        sha=found["sha"],
        ref=ref,
        subject=written["message"].partition("\n")[0],
        # The account where GitHub knows it, else the name in the commit.
        author=(found.get("author") or {}).get("login") or written["author"]["name"],
        url=found["html_url"],
    )


async def newest_run_id(github: GitHub, repository: str, workflow: str) -> int:
    """The highest id of the workflow's dispatched runs, 0 when there is none: higher ones started after this call.

    Raises:
        NotFoundError: no such workflow.
    """
    runs = await _newest_runs(github, repository, workflow, f"listing the runs of {workflow} in {repository}")
    return max((run["id"] for run in runs), default=0)


async def dispatch(
    github: GitHub, repository: str, workflow: str, ref: str, inputs: Mapping[str, str] | None = None
) -> int | None:
    """Start a workflow by its `workflow_dispatch` trigger, on a branch or tag; the request is never repeated.

    Returns the run's id, or None where GitHub does not tell it (Enterprise servers do not): see `find_dispatched`.

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
        except KeyError:  # it started, and the answer names no run
            return None
        return getattr(run, "id", None)  # whatever its types say: True after a 204

    def start_untold(its: Repository) -> None:
        its.get_workflow(workflow).create_dispatch(ref, dict(inputs or {}), throw=True)

    try:
        try:
            return await github.call(repository, start, doing=doing, changes=True)
        except RunnerError as error:
            if "return_run_details" not in error.problem:
                raise
            # Refused for this key alone, by an Enterprise server (benc-uk/workflow-dispatch#86): nothing has started.
            await github.call(repository, start_untold, doing=doing, changes=True)
            return None
    except NotFoundError as error:
        if "ref" in error.problem or "tag" in error.problem:
            raise
        raise _no_workflow(doing, repository, workflow) from None


async def find_dispatched(
    github: GitHub,
    repository: str,
    workflow: str,
    *,
    ref: str,
    head_sha: str,
    after_run_id: int,
    not_these: Collection[int] = (),
    patience: float = 30.0,
    pause: float = 2.0,
) -> int | None:
    """The run that our dispatch started: by us, on `ref`, newer than the baseline, not one of `not_these`.

    One at `head_sha` is preferred; the ref may have moved between resolving and dispatching, so another of the same
    ref counts as well. Looks every `pause` seconds for `patience` seconds, since GitHub's list lags.
    """
    doing = f"looking for our run of {workflow} in {repository}"
    us = await github.login(repository)
    end = time.monotonic() + patience
    while True:
        runs = await _newest_runs(github, repository, workflow, doing)
        ours = [run for run in runs if run["id"] > after_run_id and run["id"] not in not_these]
        found = _match(ours, us, ref, head_sha)
        if found or time.monotonic() >= end:
            return found
        await asyncio.sleep(pause)


def _match(runs: list[dict[str, Any]], us: str | None, ref: str, head_sha: str) -> int | None:
    name = ref.removeprefix("refs/heads/").removeprefix("refs/tags/")
    ours = [
        run
        for run in runs
        if run["event"] == "workflow_dispatch"
        and run["head_branch"] == name
        and us in (None, (run.get("actor") or {}).get("login"))
    ]
    ours.sort(key=lambda run: (run["head_sha"] != head_sha, run["id"]))
    return int(ours[0]["id"]) if ours else None


async def _newest_runs(github: GitHub, repository: str, workflow: str, doing: str) -> list[dict[str, Any]]:
    check_repository(repository, doing)
    path = f"/repos/{repository}/actions/workflows/{quote(workflow, safe='')}/runs"
    try:
        answer = await github.get(repository, f"{path}?event=workflow_dispatch&per_page={_LOOKED_AT}", doing=doing)
    except NotFoundError:
        raise _no_workflow(doing, repository, workflow) from None
    return list(answer.data["workflow_runs"])


def _no_workflow(doing: str, repository: str, workflow: str) -> NotFoundError:
    return NotFoundError(
        doing,
        f"there is no workflow {workflow} in {repository}, or it is hidden from us",
        remedy="Check the file's name under .github/workflows and that the token or App may see the repository.",
    )


async def watch(
    github: GitHub,
    repository: str,
    run_id: int,
    *,
    interval: float = 5.0,
    patience: float = PATIENCE,
    attempt: int | None = None,
) -> AsyncGenerator[WorkflowRun]:
    """The run with its jobs, each time that something changed; the last item has ended.

    With `attempt` only that attempt or a later one, which GitHub may need a moment to know; else the present one.
    Looks every `interval` seconds at first, more and more seldom in the end (see pace.py), and hardly ever while
    webhooks tell of the run (`GitHub.hint`). Outlives `patience` seconds without an answer, and waits out rate limits;
    meanwhile an item has `stale_since`.

    Raises:
        UnavailableError: GitHub did not answer for longer than that.
        NotFoundError: no such run or attempt.
        AccessDeniedError: our credentials do not, or no longer, suffice.
    """
    check_repository(repository, f"watching run {run_id}")
    watching = github.poller(repository).watch(run_id, interval=interval, patience=patience, attempt=attempt)
    async with aclosing(watching) as runs:
        async for run in runs:
            yield run


async def job_log_tail(github: GitHub, repository: str, job_id: int, *, lines: int = 30) -> str:
    """The last lines of a job's log, up to the last error that it marks; empty when there is no log (yet, any more).

    Without timestamps and colours. What it says is foreign text and may hold anything.
    """
    with tempfile.TemporaryDirectory(prefix="log-") as directory:
        log = await download_job_log(github, repository, job_id, Path(directory) / "log")
        if log is None:
            return ""
        reading = await scan(log.path, ())
    return "\n".join(reading.tail[-lines:])
