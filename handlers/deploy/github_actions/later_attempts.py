"""A failed deploy whose run somebody runs again in GitHub: what it deployed is recorded, and its message says so."""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from bot.config import GitHubActions
from bot.operations.operation import Operation
from bot.operations.posting import deliver, post_in_thread
from bot.operations.registry import DueRun, PeriodicTask
from bot.slack.blocks.jobs import machines_done
from bot.slack.client import Posted
from bot.store.operations import Status
from handlers.deploy.github_actions import deployment_record, views
from handlers.deploy.release import record_deployed
from handlers.shared.checkout import commit_of
from runners.github.runs import listing, poller
from runners.results import State

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot.config import Config
    from bot.services import Services
    from bot.store.operations import Record
    from runners.results import Commit, WorkflowRun

FAILED_ATTEMPT = (
    "failed attempt"  # an annotation of a deploy: its run's attempt that was taken into account, and the commit
)
INTERVAL = timedelta(minutes=2)
WATCHED_FOR = timedelta(days=1)  # since the deploy ended


async def check(services: Services, due: DueRun) -> None:
    """Take the newer attempt of the environment's last deploy into account, if that failed and nothing followed it."""
    record = await _last_deploy(services, due.target)
    if record is None or record.status is not Status.FAILED:
        return
    attempts = await services.annotations.values_of(record.number, FAILED_ATTEMPT)
    run_id = await services.run_claims.run_of(record.number)
    if not attempts or run_id is None:
        return
    attempt, sha = attempts[-1].split(" ")
    repository = Operation(services, record).repository
    now = await listing.read_run(services.github, repository, run_id)
    if now.attempt <= int(attempt) or not now.state.ended or now.head_sha != sha:
        return
    async with aclosing(poller.watch_run(services.github, repository, run_id, attempt=now.attempt)) as runs:
        async for run in runs:
            if run.state.ended:
                await _take(Operation(services, record), run)


async def _last_deploy(services: Services, environment: str) -> Record | None:
    """The environment's newest deploy that began a run, or has not ended; only of the last day."""
    now = services.clock()
    records = await services.operations.open_between(environment, now - WATCHED_FOR.total_seconds(), now)
    for record in reversed(records):
        if record.kind == "deploy" and (
            not record.status.ended or await services.run_claims.run_of(record.number) is not None
        ):
            return record
    return None


async def _take(operation: Operation, run: WorkflowRun) -> None:
    """Record what the attempt deployed, then display it; each may happen twice."""
    services, record = operation.services, operation.record
    commit = replace(await commit_of(operation, run.head_sha), ref=record.arguments["ref"])
    if run.state is State.SUCCEEDED:
        await record_deployed(operation, commit)
    else:
        machines = machines_done(run.jobs, operation.environment.machines)
        await services.machine_commits.set_roles(record, commit, machines)
    await deployment_record.set_later_state(operation, commit, run)
    await _display(operation, commit, run)
    await operation.annotate("run again in GitHub", run=run.url, attempt=str(run.attempt), outcome=run.state.value)
    await services.annotations.add(operation.number, FAILED_ATTEMPT, f"{run.attempt} {run.head_sha}")


async def _display(operation: Operation, commit: Commit, run: WorkflowRun) -> None:
    services, record = operation.services, operation.record
    at = Posted(record.channel, record.message_ts or "")
    message = await services.chat.read(at) if at.ts else None
    if message is not None:
        await deliver(services, operation.number, views.run_again(message, operation.head, commit, run))
        note = views.run_again_note(operation.head, commit, run)
        await post_in_thread(services, record, f"attempt {run.attempt}", note)


def _intervals(config: Config) -> Mapping[str, timedelta]:
    return dict.fromkeys(config.deployed_by(GitHubActions), INTERVAL)


PERIODIC_TASKS = (PeriodicTask("later attempts", _intervals, check),)
