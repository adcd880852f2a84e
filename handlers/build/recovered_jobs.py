"""Failure messages in threads, updated when their jobs succeed in a later attempt."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from bot.slack.client import Posted
from bot.slack.retry import with_retries
from handlers.build import log_views
from runners.results import State

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot.operations.operation import Operation
    from bot.services import Services
    from bot.store.operations import Record
    from handlers.build.followed_build import FollowedBuild
    from runners.results import Job, WorkflowRun

# An annotation: the id of a job whose failure is posted in the operation's thread, and a digest of the job's name.
FAILURE_POSTED = "failure posted"
RERUN_OF = "of"  # an argument of an operation: the number of the operation whose failed jobs it runs again


async def record_failure_message(operation: Operation, job: Job) -> None:
    """Durable: record that a message in the operation's thread reports the failure of this job."""
    annotations = operation.services.annotations
    value = f"{job.job_id} {_digest(job.name)}"
    await operation.step(
        f"failure of job {job.job_id} posted", lambda: annotations.add(operation.number, FAILURE_POSTED, value)
    )


async def update_failure_messages(build: FollowedBuild, run: WorkflowRun) -> None:
    """Durable: update each failure message whose job has succeeded since, in the threads of all operations of this run."""
    await build.operation.step("update failure messages", lambda: _update_all(build, run))


async def _update_all(build: FollowedBuild, run: WorkflowRun) -> None:
    services = build.operation.services
    succeeded = {_digest(job.name): job for job in run.jobs if job.state is State.SUCCEEDED}
    for record in await _with_earlier(services, build.operation.record):
        posted = [value.split(" ") for value in await services.annotations.values_of(record.number, FAILURE_POSTED)]
        recovered = {
            job_id: succeeded[name]
            for job_id, name in posted
            if name in succeeded and int(job_id) != succeeded[name].job_id
        }
        if recovered:
            await with_retries(lambda record=record, recovered=recovered: _update(build, record, recovered))  # type: ignore[misc]


async def _with_earlier(services: Services, record: Record) -> list[Record]:
    """This operation, the operation whose failed jobs it ran again, and so on."""
    records = [record]
    while of := records[-1].arguments.get(RERUN_OF):
        records.append(await services.operations.get(int(of)))
    return records


async def _update(build: FollowedBuild, record: Record, recovered: Mapping[str, Job]) -> None:
    chat = build.operation.services.chat
    thread = await chat.marked_messages(Posted(record.channel, record.message_ts or ""))
    for job_id, job in recovered.items():
        posted, before = thread.get(f"{record.number}:log {job_id}", (None, None))
        message = log_views.recovered_job(before, job, suspect=build.annotation(job).suspect) if before else None
        if posted and message:
            await chat.update(posted, message)


def _digest(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()[:16]
