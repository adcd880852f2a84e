"""Stopping a run and running what failed again: asked for once, after a look at how the run stands."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from runners.errors import RunnerError, UncertainError
from runners.github.api.errors import check_repository
from runners.github.api.reads import CachedReads
from runners.github.runs.runs import run_of, state_of

if TYPE_CHECKING:
    from github.Repository import Repository

    from runners.github import GitHub
    from runners.results import State, WorkflowRun

LOOKS_FOR = 20.0  # seconds that GitHub may take to show what it was asked for; seen to lag by some
PAUSE = 2.0
UNDER_WAY = ("in_progress", "queued", "waiting", "pending", "requested")


@dataclass(frozen=True, slots=True)
class Standing:
    """How a run stands: its newest attempt, from 1, and that one's state."""

    attempt: int
    state: State


async def look(github: GitHub, repository: str, run_id: int) -> Standing:
    """How the run stands now. Raises NotFoundError when there is no such run."""
    doing = f"looking at run {run_id} of {repository}"
    run = await CachedReads(github).get(repository, f"/actions/runs/{run_id}", doing=doing)
    return Standing(int(run.get("run_attempt") or 1), state_of(run["status"], run["conclusion"]))


async def rerun_failed(
    github: GitHub, repository: str, run_id: int, *, attempt: int, patience: float = LOOKS_FOR
) -> int:
    """Run the failed jobs of this attempt again, and those that need them; the number of the attempt that follows it.

    Asking again once that has begun, by whomever, changes nothing.

    Raises:
        UncertainError: no answer came, and no new attempt within `patience` seconds.
        RunnerError: the run is not over, or too old (30 days), or is rerun no more.
    """
    doing = f"running the failed jobs of run {run_id} of {repository} again"
    if (await look(github, repository, run_id)).attempt > attempt:
        return attempt + 1

    def ask(its: Repository) -> None:
        # Not PyGithub's own method: it gives back False whatever the reason of a refusal is.
        its.requester.requestJsonAndCheck("POST", f"/repos/{repository}/actions/runs/{run_id}/rerun-failed-jobs")

    try:
        await github.call(repository, ask, doing=doing, changes=True)
    except RunnerError as error:
        # Without an answer it may have begun; and a refusal may mean that somebody else was quicker.
        within = patience if isinstance(error, UncertainError) else 0.0
        if not await _has_begun(github, repository, run_id, attempt, within):
            raise
    return attempt + 1


async def cancel(github: GitHub, repository: str, run_id: int, *, force: bool = False) -> bool:
    """Ask for the run's end, with `force` whatever its jobs still want to do; false when it was over already.

    An answer that does not come is no fault: whoever follows the run sees whether it ends, and may ask again.

    Raises:
        AccessDeniedError: our credentials may not write `actions`.
    """
    verb = "force-cancel" if force else "cancel"
    doing = f"cancelling run {run_id} of {repository}"
    if (await look(github, repository, run_id)).state.ended:
        return False

    def ask(its: Repository) -> None:
        its.requester.requestJsonAndCheck("POST", f"/repos/{repository}/actions/runs/{run_id}/{verb}")

    try:
        await github.call(repository, ask, doing=doing, changes=True)
    except UncertainError:
        return True
    except RunnerError:
        if (await look(github, repository, run_id)).state.ended:  # it came to its end in the same moment
            return False
        raise
    return True


async def under_way(github: GitHub, repository: str, workflow: str) -> tuple[WorkflowRun, ...]:
    """The workflow's runs that have not ended, newest first, without their jobs.

    Raises:
        NotFoundError: no such workflow.
    """
    doing = f"listing the runs of {workflow} in {repository}"
    check_repository(repository, doing)
    path = f"/actions/workflows/{quote(workflow, safe='')}/runs?per_page=30"
    found: list[dict[str, Any]] = (await CachedReads(github).get(repository, path, doing=doing))["workflow_runs"]
    return tuple(run_of(repository, run) for run in found if run["status"] in UNDER_WAY)


async def _has_begun(github: GitHub, repository: str, run_id: int, attempt: int, within: float) -> bool:
    end = time.monotonic() + within
    while (await look(github, repository, run_id)).attempt <= attempt:
        if time.monotonic() >= end:
            return False
        await asyncio.sleep(min(PAUSE, within / 10))
    return True
