"""Processes the log of each job that has ended: downloads it, scans it, and posts about it in the thread."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from handlers.build import log_views
from handlers.build.job_images import record_job_image, record_named_images
from handlers.build.matrix_cells import Annotation
from handlers.build.recovered_jobs import record_failure_message
from handlers.shared.log_reading import NO_LOG, delete_log, download_log, end_of, log_file, read_log
from runners.concurrency import run_blocking
from runners.explain import explain
from runners.results import LogFinding, LogReading, State

if TYPE_CHECKING:
    from handlers.build.followed_build import FollowedBuild
    from handlers.shared.log_reading import ReadLog
    from runners.results import Job, WorkflowRun

MOST_LOGS_POSTED = 10  # of failed jobs; the matrix names all of them
NOT_READ = "log not read"


async def process_log(build: FollowedBuild, run: WorkflowRun, job: Job) -> None:
    """Durable: read the log of a job that has ended, post in the thread what is wrong, and record the job's annotation."""
    operation = build.operation
    log = await operation.step(
        f"log of job {job.job_id}", lambda: read_log(operation, build.repository, job, build.images)
    )
    annotation = Annotation(log_problem=NOT_READ if log.why else "")
    if job.state is State.SUCCEEDED:
        if log.reading and log.reading.findings and not log.reading.suspect:
            build.weak.append((job, log))
        annotation = await _annotate_successful(build, run, job, log, annotation)
    elif build.logs_posted < MOST_LOGS_POSTED:
        build.logs_posted += 1
        cause = _cause(log.reading)
        await operation.details(f"log {job.job_id}", log_views.failed_job(job, log.reading, log.why, cause))
        await record_failure_message(operation, job)
        if log.reading and log.reading.lines:
            await _attach(build, job)
    await operation.step(f"delete log of job {job.job_id}", lambda: delete_log(operation, job))
    build.record(job, annotation, log.reading.rate_limited if log.reading else "")


def _cause(reading: LogReading | None) -> str:
    """The likely cause that a log shows; may be empty."""
    if reading is None:
        return ""
    first = [reading.first_error.text] if reading.first_error else []
    cause = explain(*first, *reading.tail) or explain(*(finding.text for finding in reading.findings))
    return cause.text if cause else ""


async def _annotate_successful(
    build: FollowedBuild, run: WorkflowRun, job: Job, log: ReadLog, annotation: Annotation
) -> Annotation:
    operation, slot = build.operation, build.slot(job)
    # A job whose log could not be read is suspect too.
    reading = log.reading or LogReading(findings=(LogFinding(NOT_READ, 0, log.why),), matches=1, truncated=True)
    if slot:
        group = operation.services.config.image_group(*slot)
        outcome = await record_job_image(operation, run, job, group, reading)
        return replace(annotation, suspect=outcome.suspect, image=outcome.image_id or "")
    named = await record_named_images(operation, run, job, reading) if reading.images else None
    if named:
        return replace(annotation, suspect=named.suspect, image=named.image_id or "")
    if log.reading and reading.suspect:
        await operation.details(f"warnings {job.job_id}", log_views.suspect_job(job, reading))
    return replace(annotation, suspect=bool(log.reading) and reading.suspect)


async def _attach(build: FollowedBuild, job: Job) -> None:
    name = re.sub(r"[^A-Za-z0-9]+", "-", job.name).strip("-")[:60]

    async def read() -> str:
        path = log_file(build.operation, job)
        exists = await run_blocking(path.exists, timeout=30, doing="looking for a log")
        # The file is missing where another process goes on with the operation.
        if not exists and await download_log(build.operation, build.repository, job) is None:
            return NO_LOG
        return await run_blocking(end_of, path, timeout=60, doing=f"reading {path.name}")

    await build.operation.attach(
        f"log file {job.job_id}", filename=f"{name}-{job.job_id}.txt", title=f"Log of {job.name}", read=read
    )
