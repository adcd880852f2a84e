"""Cancels a run and reruns its failed jobs: each is requested once, after a check of the run's state."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from runners.errors import RunnerError, UncertainError
from runners.github.api.reads import CachedReads
from runners.github.runs.parsing import parse_state

if TYPE_CHECKING:
    from github.Repository import Repository

    from runners.github import GitHub
    from runners.results import State

RERUN_TIMEOUT = 20.0  # seconds until GitHub lists a requested attempt; it lags by some
PAUSE = 2.0


@dataclass(frozen=True, slots=True)
class Attempt:
    """The newest attempt of a run: its number, from 1, its state, and the SHA of its commit."""

    number: int
    state: State
    head_sha: str


async def newest_attempt(github: GitHub, repository: str, run_id: int) -> Attempt:
    """The newest attempt of the run. Raises NotFoundError when there is no such run."""
    doing = f"looking at run {run_id} of {repository}"
    run = await CachedReads(github).get(repository, f"/actions/runs/{run_id}", doing=doing)
    state = parse_state(run["status"], run["conclusion"])
    return Attempt(int(run.get("run_attempt") or 1), state, str(run["head_sha"]))


async def rerun_failed(
    github: GitHub, repository: str, run_id: int, *, attempt: int, timeout: float = RERUN_TIMEOUT
) -> int:
    """Rerun the failed jobs of this attempt and the jobs that need them; returns the number of the next attempt.

    When the next attempt has already started, nothing is requested.

    Raises:
        UncertainError: no answer came, and no new attempt within `timeout` seconds.
        RunnerError: the run has not ended, is too old (30 days), or can no longer be rerun.
    """
    doing = f"running the failed jobs of run {run_id} of {repository} again"
    if (await newest_attempt(github, repository, run_id)).number > attempt:
        return attempt + 1

    def request(its: Repository) -> None:
        # Not PyGithub's own method: it returns False without the reason of a refusal.
        its.requester.requestJsonAndCheck("POST", f"/repos/{repository}/actions/runs/{run_id}/rerun-failed-jobs")

    try:
        await github.call(repository, request, doing=doing, changes=True)
    except RunnerError as error:
        # Without an answer it may have started; a refusal may mean that another person was quicker.
        within = timeout if isinstance(error, UncertainError) else 0.0
        if not await _has_started(github, repository, run_id, attempt, within):
            raise
    return attempt + 1


async def cancel(github: GitHub, repository: str, run_id: int, *, force: bool = False) -> bool:
    """Cancel the run, with `force` without waiting for its jobs; false when it had already ended.

    A lost answer is no error: the watcher of the run observes whether it ends, and can cancel again.

    Raises:
        AccessDeniedError: our credentials may not write `actions`.
    """
    verb = "force-cancel" if force else "cancel"
    doing = f"cancelling run {run_id} of {repository}"
    if (await newest_attempt(github, repository, run_id)).state.ended:
        return False

    def request(its: Repository) -> None:
        its.requester.requestJsonAndCheck("POST", f"/repos/{repository}/actions/runs/{run_id}/{verb}")

    try:
        await github.call(repository, request, doing=doing, changes=True)
    except UncertainError:
        return True
    except RunnerError:
        if (await newest_attempt(github, repository, run_id)).state.ended:  # it ended at the same moment
            return False
        raise
    return True


async def _has_started(github: GitHub, repository: str, run_id: int, attempt: int, timeout: float) -> bool:
    end = time.monotonic() + timeout
    while (await newest_attempt(github, repository, run_id)).number <= attempt:
        if time.monotonic() >= end:
            return False
        await asyncio.sleep(min(PAUSE, timeout / 10))
    return True
