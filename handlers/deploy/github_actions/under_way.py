"""A deploy that is under way already, by a schedule or a click in GitHub: a new one waits for its end."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from functools import partial
from typing import TYPE_CHECKING

from bot.config.targets import without_lane
from bot.errors import Cancelled, UserError
from bot.slack.blocks import kit
from bot.store.operations import Status
from handlers.deploy.github_actions import views
from runners import phrases
from runners.github.runs import listing, poller

if TYPE_CHECKING:
    from bot.config import GitHubActions
    from bot.operations.operation import Operation
    from bot.slack.blocks.common import ApprovalView
    from handlers.deploy.views import Release
    from runners.results import WorkflowRun

LONGEST = 3_600.0  # seconds
PAUSE = 2.0  # seconds; GitHub's list of runs lags behind
# Runs of other events, such as pull_request, check a change; a push deploys from the environment's own branch only.
EVENTS = ("schedule", "workflow_dispatch", "repository_dispatch")


def deploys(run: WorkflowRun, settings: GitHubActions) -> bool:
    """Whether a run of the deploy workflow is taken for a deploy, by the event that started it."""
    return run.event in EVENTS or (run.event == "push" and run.branch == settings.ref.removeprefix("refs/heads/"))


async def waited_for(
    operation: Operation, settings: GitHubActions, release: Release, approval: ApprovalView | None
) -> bool:
    """Durable: wait until no run of the deploy workflow is under way; false when the operation was cancelled and has ended.

    Raises UserError when a run takes too long.
    """
    began = await operation.step("under way began", partial(_now, operation))
    wait = partial(_wait, operation, settings, release, approval, began)
    try:
        await operation.step("deploys under way", lambda: operation.unless_cancelled(wait()))
    except Cancelled as cancelled:
        news = f"{kit.escape(str(cancelled))}, nothing was deployed"
        await operation.end(Status.CANCELLED, views.not_begun(operation.head, "cancelled", news, release, approval))
        return False
    return True


async def _now(operation: Operation) -> float:
    return operation.services.clock()


async def _wait(
    operation: Operation, settings: GitHubActions, release: Release, approval: ApprovalView | None, began: float
) -> None:
    services = operation.services
    repository = operation.repository
    async with operation.live() as live:
        while runs := await _under_way(operation, settings):
            await operation.set_activity("waits for a deploy that was started in GitHub")
            live.show(partial(views.waits_for_run, operation.head, release, approval, runs[0]))
            remaining = LONGEST - (services.clock() - began)
            try:
                async with asyncio.timeout(max(remaining, 0.0)):
                    await _ended(operation, repository, runs[0].run_id)
            except TimeoutError:
                raise UserError(
                    f"{runs[0].workflow}, run {runs[0].number}, deploys to {operation.environment.name} and did not end "
                    f"within {phrases.duration(LONGEST)}. Nothing was deployed. Check {runs[0].url}, then deploy again."
                ) from None
            await asyncio.sleep(PAUSE)


async def _ended(operation: Operation, repository: str, run_id: int) -> None:
    async with aclosing(poller.watch_run(operation.services.github, repository, run_id)) as runs:
        async for run in runs:
            if run.state.ended:
                return


async def _under_way(operation: Operation, settings: GitHubActions) -> list[WorkflowRun]:
    """The unfinished runs that may deploy to the environment, the oldest first."""
    services = operation.services
    runs = await listing.unfinished_runs(services.github, operation.repository, settings.workflow)
    return [run for run in reversed(runs) if deploys(run, settings) and not await _of_another(operation, run)]


async def _of_another(operation: Operation, run: WorkflowRun) -> bool:
    """Whether the run is known to deploy to another environment, which has the same workflow, or is our own."""
    owner = await operation.services.run_claims.operation_of(run.run_id)
    if owner is None or owner == operation.number:
        return owner is not None
    record = await operation.services.operations.get(owner)
    return without_lane(record.environment) != operation.environment.name
