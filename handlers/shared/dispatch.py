"""Dispatches a workflow on GitHub exactly once, also when the bot is killed or GitHub's answer is lost."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bot.errors import UserError
from runners.errors import UnavailableError, UncertainError
from runners.github import commits
from runners.github.runs import dispatch

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot.operations.operation import Operation
    from runners.results import Commit, WorkflowRun


# Seconds until a dispatched run appears in GitHub's lists, which were observed to lag by a few.
APPEARS_WITHIN = 20.0


@dataclass(frozen=True, slots=True)
class Dispatch:
    """A workflow (its file's name) to be started at the ref of `commit`.

    `command` is what people type to try again. `moved_on`, when not empty, ends the sentence that refuses to start
    because the ref now names another commit; without it the workflow starts at whichever commit the ref names.
    """

    repository: str
    workflow: str
    commit: Commit
    command: str
    inputs: Mapping[str, str] = field(default_factory=dict)
    moved_on: str = ""


async def dispatch_once(operation: Operation, wanted: Dispatch) -> int:
    """Durable: start the workflow, and return its run's id. Raises UserError and RunnerError when it is not started."""
    newest = await operation.step("newest run", lambda: _newest(operation, wanted))
    return await operation.once(
        "dispatch",
        do=lambda: _dispatch(operation, wanted, newest),
        recover=lambda: _recover(operation, wanted, newest),
    )


async def _newest(operation: Operation, wanted: Dispatch) -> int:
    return await dispatch.newest_run_id(operation.services.github, wanted.repository, wanted.workflow)


async def _dispatch(operation: Operation, wanted: Dispatch, newest: int) -> int:
    github, ref = operation.services.github, wanted.commit.ref
    if wanted.moved_on:
        await _check_not_moved(operation, wanted)
    try:
        started = await dispatch.dispatch(github, wanted.repository, wanted.workflow, ref, wanted.inputs)
    except UncertainError:
        # GitHub may have started it nevertheless; only its list of runs shows that.
        started = None
    if started and await _claim(operation, wanted, started):
        return started
    run_id = await _find_and_claim(operation, wanted, newest)
    if run_id is None:
        raise _uncertain(wanted, "no run of it has appeared")
    return run_id


async def _check_not_moved(operation: Operation, wanted: Dispatch) -> None:
    then = wanted.commit
    now = await commits.resolve(operation.services.github, wanted.repository, then.ref)
    if now.sha != then.sha:
        raise UserError(
            f"{then.ref} has moved on from {then.short} to {now.short} since this was asked for, {wanted.moved_on}"
        )


async def _recover(operation: Operation, wanted: Dispatch, newest: int) -> int:
    # The bot stopped around the dispatch: the run may be claimed, or only started, or never requested.
    claimed = await operation.services.run_claims.run_of(operation.number)
    run_id = claimed or await _find_and_claim(operation, wanted, newest)
    return run_id or await _dispatch(operation, wanted, newest)


async def _find_and_claim(operation: Operation, wanted: Dispatch, newest: int) -> int | None:
    """The run that was started, or None. Another operation may claim a run between finding and claiming it."""
    while (run_id := await _find(operation, wanted, newest)) is not None:
        if await _claim(operation, wanted, run_id):
            return run_id
    return None


async def _find(operation: Operation, wanted: Dispatch, newest: int) -> int | None:
    try:
        return await dispatch.find_dispatched(
            operation.services.github,
            wanted.repository,
            wanted.workflow,
            ref=wanted.commit.ref,
            head_sha=wanted.commit.sha,
            after_run_id=newest,
            exclude=await operation.services.run_claims.claimed_runs(),
            timeout=APPEARS_WITHIN,
        )
    except UnavailableError as error:
        raise _uncertain(wanted, f"its runs cannot be looked at ({error.problem})") from error


def _uncertain(wanted: Dispatch, why: str) -> UncertainError:
    remedy = f"Look at the repository's Actions page before you run {wanted.command} again: it may still start."
    return UncertainError(
        f"starting {wanted.workflow}", f"GitHub's answer did not come through, and {why}", remedy=remedy
    )


async def _claim(operation: Operation, wanted: Dispatch, run_id: int) -> bool:
    """Make this run the operation's; false when it belongs to another operation."""
    if not await operation.services.run_claims.claim(operation.number, run_id):
        return False
    commit, url = wanted.commit, run_url(wanted.commit, run_id)
    await operation.annotate("dispatched", workflow=wanted.workflow, run=str(run_id), url=url, commit=commit.short)
    return True


def run_url(commit: Commit, run_id: int) -> str:
    """The page of a run in the commit's repository."""
    repository_url, _, _ = commit.url.partition("/commit/")
    return f"{repository_url}/actions/runs/{run_id}"


async def run_ended(operation: Operation, run: WorkflowRun) -> None:
    """Within a step: record in the audit log how the run ended, and of which commit it was."""
    numbered = f"{run.workflow} #{run.number}"
    await operation.annotate("run ended", run=numbered, outcome=run.state.value, url=run.url, commit=run.head_sha[:7])
