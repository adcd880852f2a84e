"""How a deploy goes out through a GitHub Actions workflow: dispatched once, followed to its end."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from bot.errors import UserError
from bot.slack.blocks import kit
from bot.slack.blocks.common import FailureContext
from bot.store.operations import Status
from handlers.deploy import github_record, running, views
from handlers.shared import github_outage
from handlers.shared.dispatch import Dispatch, dispatch_once, run_ended
from handlers.shared.github_outage import GitHubOutage
from runners.errors import RunnerError
from runners.github.runs import poller
from runners.github.runs.logs import job_log_tail
from runners.results import State

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from bot.config import GitHubActions
    from bot.operations.operation import Operation
    from bot.slack.blocks.common import ApprovalView
    from bot.slack.blocks.kit import Message
    from bot.slack.client import Live
    from handlers.deploy.github_record import Recorded
    from handlers.deploy.views import Outgoing
    from runners.results import Job, WorkflowRun

LOGS_SHOWN = 5
TICK = 10.0  # seconds; how often the message tells anew for how long jobs have been running
# How a run's end is called in GitHub's record of deployments.
_RECORDED_AS = {State.SUCCEEDED: "success", State.FAILED: "failure"}


async def roll_out(operation: Operation, outgoing: Outgoing, approval: ApprovalView | None) -> None:
    """Durable: start the workflow at the approved commit, show its jobs, record what runs now."""
    run_id = await dispatch_once(operation, _wanted(operation, outgoing))
    operation.known = FailureContext(commit=outgoing.commit, approval=approval)
    recorded = await github_record.begin(operation, outgoing.commit)
    if recorded.warning:
        outgoing = replace(outgoing, notes=(*outgoing.notes, recorded.warning))
    url = _run_url(outgoing, run_id)
    await github_record.say(operation, recorded, "in_progress", log_url=url)
    try:
        run = await operation.step("follow the run", lambda: _follow(operation, outgoing, approval, run_id))
    except RunnerError as error:
        await github_record.say(operation, recorded, "error", log_url=url, why=f"Lost sight of it: {error.problem}")
        raise
    if silent := await github_outage.told(operation):
        outgoing = replace(outgoing, notes=(*outgoing.notes, silent))
    await _report(operation, outgoing, approval, run)
    await _tell_github(operation, recorded, outgoing, run)


async def _report(operation: Operation, outgoing: Outgoing, approval: ApprovalView | None, run: WorkflowRun) -> None:
    warning = _moved(outgoing, run)
    if run.state is State.SUCCEEDED:
        if not warning:
            await operation.step("record", lambda: running.record_all(operation, outgoing.commit))
        message = views.run_ended(operation.head, outgoing, approval, run, warning=warning)
        await operation.end(Status.FAILED if warning else Status.SUCCEEDED, message)
        return
    for job in views.culprits(run)[:LOGS_SHOWN]:
        await _show_log(operation, job)
    await operation.end(Status.FAILED, views.run_ended(operation.head, outgoing, approval, run, warning=warning))


async def _tell_github(operation: Operation, recorded: Recorded, outgoing: Outgoing, run: WorkflowRun) -> None:
    moved = run.head_sha != outgoing.commit.sha
    state = "failure" if moved else _RECORDED_AS.get(run.state, "error")
    why = f"The run was of {run.head_sha[:7]}" if moved else f"The run {run.state.value}"
    await github_record.say(operation, recorded, state, log_url=run.url, why=why)


def _run_url(outgoing: Outgoing, run_id: int) -> str:
    repository_url, _, _ = outgoing.commit.url.partition("/commit/")
    return f"{repository_url}/actions/runs/{run_id}"


def _wanted(operation: Operation, outgoing: Outgoing) -> Dispatch:
    repository, actions = _where(operation)
    command = f"/deploy {operation.environment.name} {outgoing.commit.ref}"
    mark = {actions.mark_input: f"signalbox-{operation.number}"} if actions.mark_input else {}
    return Dispatch(
        repository,
        actions.workflow,
        outgoing.commit,
        command="/deploy",
        inputs={**actions.inputs, **mark},
        moved_on=f"so nothing was deployed. Run {command} again to see and deploy the newer commit.",
    )


async def _follow(operation: Operation, outgoing: Outgoing, approval: ApprovalView | None, run_id: int) -> WorkflowRun:
    repository, _ = _where(operation)
    last: list[WorkflowRun] = []
    clock, silent = operation.services.clock, GitHubOutage(operation)
    await operation.does("is deploying")

    def draw() -> Message:
        return views.run_progress(operation.head, outgoing, approval, last[-1], clock())

    async with operation.live() as live, _ticking(live, draw, last):
        async for run in poller.watch_run(operation.services.github, repository, run_id):
            last[:] = [run]
            live.show(draw)
            await silent.see(run)
    if not last:
        raise RunnerError(f"following run {run_id}", "GitHub told nothing about it")
    await run_ended(operation, last[-1])
    return last[-1]


@asynccontextmanager
async def _ticking(live: Live, draw: Callable[[], Message], seen: list[WorkflowRun]) -> AsyncIterator[None]:
    """Draw the message anew now and then, also while nothing else changes than the time."""

    async def tick() -> None:
        while True:
            await asyncio.sleep(TICK)
            if seen:
                live.show(draw)

    task = asyncio.create_task(tick())
    try:
        yield
    finally:
        task.cancel()


async def _show_log(operation: Operation, job: Job) -> None:
    repository, _ = _where(operation)

    async def read() -> str:
        # Redacted before it is kept, and before it is cut: half a token is told by no pattern.
        log = await job_log_tail(operation.services.github, repository, job.job_id)
        return operation.services.redact(log)

    tail = await operation.step(f"log of job {job.job_id}", read)
    await operation.details(f"log {job.job_id}", views.failing_job(job, tail))


def _moved(outgoing: Outgoing, run: WorkflowRun) -> str:
    if run.head_sha == outgoing.commit.sha:
        return ""
    return (
        f"GitHub ran commit {kit.code(run.head_sha[:7])}, not the approved {kit.code(outgoing.commit.short)}: "
        f"{kit.code(outgoing.commit.ref)} moved in the same moment. Look at what is deployed before you go on."
    )


def _where(operation: Operation) -> tuple[str, GitHubActions]:
    actions = operation.environment.deploy.github_actions
    if actions is None:
        raise UserError(f"{operation.environment.name} no longer deploys through GitHub Actions.")
    return operation.services.config.github.repository, actions
