"""How a deploy goes out through a GitHub Actions workflow: dispatched once, followed to its end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.blocks import deploy as drawing, kit
from bot.errors import UserError
from bot.operations import Status
from handlers import trail
from handlers.dispatching import Dispatch, dispatch_once
from runners.errors import RunnerError
from runners.github import actions as github_actions
from runners.results import State

if TYPE_CHECKING:
    from bot.blocks.deploy import Outgoing
    from bot.blocks.operation import ApprovalView
    from bot.config import GitHubActions
    from bot.operation import Operation
    from runners.results import Job, WorkflowRun

LOGS_SHOWN = 5


async def roll_out(operation: Operation, outgoing: Outgoing, approval: ApprovalView | None) -> None:
    """Durable: start the workflow at the approved commit, show its jobs, record what runs now."""
    run_id = await dispatch_once(operation, _wanted(operation, outgoing))
    run = await operation.step("follow the run", lambda: _follow(operation, outgoing, approval, run_id))
    warning = _moved(outgoing, run)
    if run.state is State.SUCCEEDED:
        if not warning:
            await operation.step(
                "record", lambda: operation.services.operations.record_deployed(operation.record, outgoing.commit)
            )
        message = drawing.run_ended(operation.head, outgoing, approval, run, warning=warning)
        await operation.end(Status.FAILED if warning else Status.SUCCEEDED, message)
        return
    for job in drawing.culprits(run)[:LOGS_SHOWN]:
        await _show_log(operation, job)
    await operation.end(Status.FAILED, drawing.run_ended(operation.head, outgoing, approval, run, warning=warning))


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
    last: WorkflowRun | None = None
    runs = github_actions.watch(operation.services.github, repository, run_id)
    async with operation.live() as live:
        async for run in runs:
            last = run
            live.show(lambda run=run: drawing.run_progress(operation.head, outgoing, approval, run))  # type: ignore[misc]
    if last is None:
        raise RunnerError(f"following run {run_id}", "GitHub told nothing about it")
    await trail.run_ended(operation, last)
    return last


async def _show_log(operation: Operation, job: Job) -> None:
    repository, _ = _where(operation)

    async def read() -> str:
        # Redacted before it is kept, and before it is cut: half a token is told by no pattern.
        log = await github_actions.job_log_tail(operation.services.github, repository, job.job_id)
        return operation.services.redact(log)

    tail = await operation.step(f"log of job {job.job_id}", read)
    await operation.details(f"log {job.job_id}", drawing.failing_job(job, tail))


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
