"""Processes the log of each job that has ended: downloads it, scans it, and posts about it in the thread."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from handlers.build import log_views
from handlers.build.job_images import record_job_image, record_named_images
from handlers.build.matrix_cells import Annotation
from handlers.build.recovered_jobs import record_failure_message
from runners.concurrency import run_blocking
from runners.errors import RunnerError
from runners.github.runs.logs import download_job_log
from runners.logs import failure_patterns
from runners.logs.scan import scan
from runners.logs.scanner import UNREAD
from runners.results import LogFinding, LogReading, State
from runners.stored import stored

if TYPE_CHECKING:
    from pathlib import Path

    from handlers.build.followed_build import FollowedBuild
    from runners.github.runs.logs import Download
    from runners.results import Job, WorkflowRun

LOG_DELAY = 60.0  # seconds that a log may appear after its job has ended
MOST_FINDINGS = 20
MOST_LOGS_POSTED = 10  # of failed jobs; the matrix names all of them
MOST_ATTACHED = 1 << 20  # bytes: the end of a log
NOT_READ = "log not read"
NO_LOG = "GitHub has no log of it (any more)"
_COLOURS = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")


@stored("read-log")
@dataclass(frozen=True, slots=True)
class ReadLog:
    """The reading of a log, or why there is none ("log expired")."""

    reading: LogReading | None
    why: str = ""


async def process_log(build: FollowedBuild, run: WorkflowRun, job: Job) -> None:
    """Durable: read the log of a job that has ended, post in the thread what is wrong, and record the job's annotation."""
    operation = build.operation
    log = await operation.step(f"log of job {job.job_id}", lambda: _read(build, job))
    annotation = Annotation(log_problem=NOT_READ if log.why else "")
    if job.state is State.SUCCEEDED:
        annotation = await _annotate_successful(build, run, job, log, annotation)
    elif build.logs_posted < MOST_LOGS_POSTED:
        build.logs_posted += 1
        await operation.details(f"log {job.job_id}", log_views.failed_job(job, log.reading, log.why))
        await record_failure_message(operation, job)
        if log.reading and log.reading.lines:
            await _attach(build, job)
    await operation.step(f"delete log of job {job.job_id}", lambda: _delete(_file(build, job)))
    build.record(job, annotation, log.reading.rate_limited if log.reading else "")


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


async def _read(build: FollowedBuild, job: Job) -> ReadLog:
    services = build.operation.services
    images = build.images
    try:
        download = await _download(build, job)
        if download is None:
            return ReadLog(None, NO_LOG)
        configured = map(failure_patterns.configured, images.suspicious if images else ())
        limits = images.rerun.on if images else ()
        reading = await scan(
            download.path,
            (*failure_patterns.BUILT_IN, *configured),
            rate_limits=limits,
            prefixes=(images.log_prefix,) if images and images.log_prefix else (),
            truncated=download.truncated,
        )
    except RunnerError as error:
        return ReadLog(None, services.redact(error.problem)[:200])
    redacted = services.redact.within(reading)
    # The finding that the log was not read to its end must not be cut off.
    first = sorted(redacted.findings, key=lambda finding: finding.pattern != UNREAD)
    threshold = images.suspect_weight if images else redacted.threshold
    return ReadLog(replace(redacted, findings=tuple(first[:MOST_FINDINGS]), threshold=threshold))


async def _download(build: FollowedBuild, job: Job) -> Download | None:
    """Download the log; None where GitHub has none. It may appear up to LOG_DELAY after the end of its job."""
    services, scratch = build.operation.services, build.operation.scratch
    await run_blocking(_make_directory, scratch, timeout=30, doing=f"making {scratch.name}")
    age = services.clock() - job.ended_at.timestamp() if job.ended_at else LOG_DELAY
    return await download_job_log(
        services.github, build.repository, job.job_id, _file(build, job), wait=max(0.0, LOG_DELAY - age)
    )


def _make_directory(directory: Path) -> None:
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)


async def _attach(build: FollowedBuild, job: Job) -> None:
    name = re.sub(r"[^A-Za-z0-9]+", "-", job.name).strip("-")[:60]

    async def read() -> str:
        path = _file(build, job)
        exists = await run_blocking(path.exists, timeout=30, doing="looking for a log")
        # The file is missing where another process goes on with the operation.
        if not exists and await _download(build, job) is None:
            return NO_LOG
        return await run_blocking(_end_of, path, timeout=60, doing=f"reading {path.name}")

    await build.operation.attach(
        f"log file {job.job_id}", filename=f"{name}-{job.job_id}.txt", title=f"Log of {job.name}", read=read
    )


def _end_of(path: Path) -> str:
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - MOST_ATTACHED))
        text = _COLOURS.sub("", file.read().decode(errors="replace"))
    if size <= MOST_ATTACHED:
        return text
    return f"(the last {MOST_ATTACHED >> 20} MB of {size >> 20} MB; GitHub has the whole log)\n{text.partition(chr(10))[2]}"


def _file(build: FollowedBuild, job: Job) -> Path:
    return build.operation.scratch / f"job-{job.job_id}.log"


async def _delete(path: Path) -> None:
    await run_blocking(_unlink, path, timeout=30, doing=f"removing {path.name}")


def _unlink(path: Path) -> None:
    path.unlink(missing_ok=True)
