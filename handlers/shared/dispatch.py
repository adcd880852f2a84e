"""Dispatches a workflow on GitHub exactly once, also when the bot is killed or GitHub's answer is lost."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from handlers.shared.run_choice import chosen_run
from handlers.shared.run_search import Dispatch, RunSearch, run_url
from runners.errors import RunnerError, UnavailableError
from runners.github.runs import dispatch, reruns, workflow_file

if TYPE_CHECKING:
    from bot.operations.operation import Operation
    from runners.results import WorkflowRun

log = logging.getLogger(__name__)
__all__ = ["Dispatch", "dispatch_once", "run_ended", "run_url"]


async def dispatch_once(operation: Operation, wanted: Dispatch) -> int:
    """Durable: start the workflow, and return its run's id. Raises UserError and RunnerError when it is not started.

    Where the run cannot be distinguished from others, people say which run it is.
    """
    newest = await operation.step("newest run", lambda: _newest(operation, wanted))
    marked = bool(wanted.mark_input) and await operation.step("mark", lambda: _shows_mark(operation, wanted))
    search = RunSearch(operation, wanted, newest, marked=marked)
    result = await operation.once("dispatch", do=search.start, recover=search.recover)
    run_id = result if isinstance(result, int) else await chosen_run(operation, search, result)
    if wanted.moved_on:
        await operation.step("commit of the run", lambda: _cancel_other_commit(operation, wanted, run_id))
    return run_id


async def _cancel_other_commit(operation: Operation, wanted: Dispatch, run_id: int) -> None:
    """Within a step: cancel the run if it is not of the wanted commit. GitHub starts workflows by the ref's name only.

    What follows the run reports its commit.
    """
    github = operation.services.github
    try:
        attempt = await reruns.newest_attempt(github, wanted.repository, run_id)
        if attempt.head_sha == wanted.commit.sha:
            return
        await reruns.cancel(github, wanted.repository, run_id)
    except RunnerError as error:
        log.warning("operation %s: run %s: %s", operation.number, run_id, operation.services.redact(str(error)))
        return
    detail = {"run": str(run_id), "commit": attempt.head_sha, "approved": wanted.commit.sha}
    await operation.annotate("other commit cancelled", **detail)


async def _newest(operation: Operation, wanted: Dispatch) -> int:
    return await dispatch.newest_run_id(operation.services.github, wanted.repository, wanted.workflow)


async def _shows_mark(operation: Operation, wanted: Dispatch) -> bool:
    """Whether GitHub will show the mark of the run that is about to be started."""
    github, sha = operation.services.github, wanted.commit.sha
    try:
        file = await workflow_file.read(github, wanted.repository, wanted.workflow, sha)
    except UnavailableError:
        raise
    except RunnerError:
        return False  # GitHub says what is wrong with the file when it is to start it
    return wanted.mark_input in file.displayed


async def run_ended(operation: Operation, run: WorkflowRun) -> None:
    """Within a step: record in the audit log how the run ended, and of which commit it was."""
    numbered = f"{run.workflow} #{run.number}"
    await operation.annotate("run ended", run=numbered, outcome=run.state.value, url=run.url, commit=run.head_sha)
