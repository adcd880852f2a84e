"""What the threads said of jobs that failed, once these went well when they were run again."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from bot.slack.client import Posted
from bot.slack.retry import patiently
from handlers.build import board_log
from runners.results import State

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot.operations.operation import Operation
    from bot.services import Services
    from bot.store.operations import Record
    from handlers.build.progress import Progress
    from runners.results import Job, WorkflowRun

TOLD = (
    "failure told"  # notes: the id of a job whose failure is in the operation's thread, and a digest of the job's name
)
OF = "of"  # an argument of an operation: whose failed jobs it runs again


async def remember_told(operation: Operation, job: Job) -> None:
    """Durable: a message in the thread says that this job failed."""
    annotations = operation.services.annotations
    value = f"{job.job_id} {_digest(job.name)}"
    await operation.step(f"failure of job {job.job_id} told", lambda: annotations.add(operation.number, TOLD, value))


async def tell_mended(progress: Progress, run: WorkflowRun) -> None:
    """Durable: where a thread says that a job failed which has gone well since, that is said there too."""
    await progress.operation.step("tell what was mended", lambda: _tell(progress, run))


async def _tell(progress: Progress, run: WorkflowRun) -> None:
    services = progress.operation.services
    good = {_digest(job.name): job for job in run.jobs if job.state is State.SUCCEEDED}
    for record in await _line_of(services, progress.operation.record):
        told = [one.split(" ") for one in await services.annotations.values_of(record.number, TOLD)]
        mended = {job_id: good[name] for job_id, name in told if name in good and int(job_id) != good[name].job_id}
        if mended:
            await patiently(lambda record=record, mended=mended: _show(progress, record, mended))  # type: ignore[misc]


async def _line_of(services: Services, record: Record) -> list[Record]:
    """This operation, the one whose failed jobs it ran again, and so on."""
    line = [record]
    while of := line[-1].arguments.get(OF):
        line.append(await services.operations.get(int(of)))
    return line


async def _show(progress: Progress, record: Record, mended: Mapping[str, Job]) -> None:
    chat = progress.operation.services.chat
    thread = await chat.marked(Posted(record.channel, record.message_ts or ""))
    for job_id, job in mended.items():
        at, shown = thread.get(f"{record.number}:log {job_id}", (None, None))
        message = board_log.mended(shown, job, suspect=progress.annotation(job).suspect) if shown else None
        if at and message:
            await chat.update(at, message)


def _digest(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()[:16]
