"""How a deploy goes out through a GitHub Actions workflow: dispatched once, followed to its end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.blocks import deploy as drawing, kit
from bot.errors import UserError
from bot.operations import Status
from handlers import trail
from runners.errors import RunnerError, UncertainError
from runners.github import actions as github_actions
from runners.results import State

if TYPE_CHECKING:
    from bot.blocks.deploy import Outgoing
    from bot.blocks.operation import ApprovalView
    from bot.config import GitHubActions
    from bot.operation import Operation
    from runners.results import Job, WorkflowRun

# How long a run that GitHub was asked for may take to appear in its lists; seen to lag by seconds.
PATIENCE = 20.0
LOGS_SHOWN = 5


async def roll_out(operation: Operation, outgoing: Outgoing, approval: ApprovalView | None) -> None:
    """Durable: start the workflow at the approved commit, show its jobs, record what runs now."""
    newest = await operation.step("newest run", lambda: _newest(operation))
    run_id = await operation.once(
        "dispatch",
        do=lambda: _dispatch(operation, outgoing, newest),
        recover=lambda: _recover(operation, outgoing, newest),
    )
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


async def _newest(operation: Operation) -> int:
    repository, actions = _where(operation)
    return await github_actions.newest_run_id(operation.services.github, repository, actions.workflow)


async def _dispatch(operation: Operation, outgoing: Outgoing, newest: int) -> int:
    github, (repository, actions) = operation.services.github, _where(operation)
    ref = outgoing.commit.ref
    now = await github_actions.resolve(github, repository, ref)
    if now.sha != outgoing.commit.sha:
        raise UserError(
            f"{ref} has moved on from {outgoing.commit.short} to {now.short} since this was asked for, so nothing was "
            f"deployed. Run /deploy {operation.environment.name} {ref} again to see and deploy the newer commit."
        )
    mark = {actions.mark_input: f"signalbox-{operation.number}"} if actions.mark_input else {}
    try:
        started = await github_actions.dispatch(github, repository, actions.workflow, ref, {**actions.inputs, **mark})
    except UncertainError:
        # GitHub may have started it all the same; only its list can tell.
        started = None
    run_id = started or await _find(operation, outgoing, newest)
    if run_id is None:
        raise RunnerError(
            f"starting {actions.workflow}",
            "GitHub's answer did not come through, and no run of it has appeared",
            remedy="Look at the repository's Actions page before you run /deploy again: it may still start.",
        )
    return await _claimed(operation, outgoing, run_id)


async def _recover(operation: Operation, outgoing: Outgoing, newest: int) -> int:
    # The bot was stopped around the dispatch: the run may be known, or be there, or may never have been asked for.
    known = await operation.services.operations.run_of(operation.number)
    if known:
        return known
    found = await _find(operation, outgoing, newest)
    return await _claimed(operation, outgoing, found) if found else await _dispatch(operation, outgoing, newest)


async def _find(operation: Operation, outgoing: Outgoing, newest: int) -> int | None:
    repository, actions = _where(operation)
    return await github_actions.find_dispatched(
        operation.services.github,
        repository,
        actions.workflow,
        ref=outgoing.commit.ref,
        head_sha=outgoing.commit.sha,
        after_run_id=newest,
        not_these=await operation.services.operations.claimed_runs(),
        patience=PATIENCE,
    )


async def _claimed(operation: Operation, outgoing: Outgoing, run_id: int) -> int:
    _, actions = _where(operation)
    await operation.services.operations.claim_run(operation.number, run_id)
    await trail.dispatched(operation, outgoing.commit, actions.workflow, run_id)
    return run_id


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
