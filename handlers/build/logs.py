"""What happens when a job of a build has ended: its log is downloaded and read, and what it says is told."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from handlers.build import board_log
from handlers.build.board_cells import Annotation
from handlers.build.job_images import record_job_image
from handlers.build.mended import remember_told
from runners.concurrency import run_blocking
from runners.errors import RunnerError
from runners.github.runs.logs import download_job_log
from runners.logs import failure_patterns
from runners.logs.scan import UNREAD, scan
from runners.results import LogFinding, LogReading, State
from runners.stored import stored

if TYPE_CHECKING:
    from pathlib import Path

    from handlers.build.progress import Progress
    from runners.github.runs.logs import Download
    from runners.results import Job, WorkflowRun

LATE = 60.0  # seconds that a log may take to appear after its job; seen to lag by some
FINDINGS_KEPT = 20
LOGS_SHOWN = 10  # failing jobs in the thread; the board names them all
FILE = 1 << 20  # bytes of a log that go into the thread: its end
NOT_READ = "log not read"
GONE = "GitHub has no log of it (any more)"
_COLOURS = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")


@stored("read-log")
@dataclass(frozen=True, slots=True)
class Read:
    """A log that was read, or why it was not ("log expired")."""

    reading: LogReading | None
    why: str = ""


async def take_in(progress: Progress, run: WorkflowRun, job: Job) -> None:
    """Durable: read the log of a job that has ended, tell in the thread what is wrong, and remember it."""
    operation = progress.operation
    read = await operation.step(f"log of job {job.job_id}", lambda: _read(progress, job))
    annotation = Annotation(unread=NOT_READ if read.why else "")
    if job.state is State.SUCCEEDED:
        annotation = await _of_green(progress, run, job, read, annotation)
    elif progress.logs_shown < LOGS_SHOWN:
        progress.logs_shown += 1
        await operation.details(f"log {job.job_id}", board_log.failing_job(job, read.reading, read.why))
        await remember_told(operation, job)
        if read.reading and read.reading.lines:
            await _attach(progress, job)
    await operation.step(f"drop log of job {job.job_id}", lambda: _drop(_file(progress, job)))
    progress.remember(job, annotation, read.reading.rate_limited if read.reading else "")


async def _of_green(progress: Progress, run: WorkflowRun, job: Job, read: Read, annotation: Annotation) -> Annotation:
    operation, place = progress.operation, progress.place(job)
    # What nobody could read is not to be trusted either.
    reading = read.reading or LogReading(findings=(LogFinding(NOT_READ, 0, read.why),), found=1)
    if place:
        group = operation.services.config.image_group(*place)
        outcome = await record_job_image(operation, run, job, group, reading)
        return replace(annotation, suspect=outcome.suspect, image=outcome.image_id or "")
    if read.reading and reading.suspect:
        await operation.details(f"signs {job.job_id}", board_log.doubtful_job(job, reading.findings))
    return replace(annotation, suspect=bool(read.reading) and reading.suspect)


async def _read(progress: Progress, job: Job) -> Read:
    services = progress.operation.services
    images = services.config.images
    try:
        log = await _download(progress, job)
        if log is None:
            return Read(None, GONE)
        configured = map(failure_patterns.configured, images.suspicious if images else ())
        limits = images.rerun.on if images else ()
        reading = await scan(
            log.path, (*failure_patterns.BUILT_IN, *configured), rate_limits=limits, truncated=log.truncated
        )
    except RunnerError as error:
        return Read(None, services.redact(error.problem)[:200])
    kept = services.redact.within(reading)
    first = sorted(
        kept.findings, key=lambda one: one.pattern != UNREAD
    )  # that it was not read to its end must not be lost
    return Read(replace(kept, findings=tuple(first[:FINDINGS_KEPT])))


async def _download(progress: Progress, job: Job) -> Download | None:
    """Fetch the log; None where GitHub has none. One that should be there by now is waited for, for a while."""
    services, scratch = progress.operation.services, progress.operation.scratch
    await run_blocking(_make, scratch, timeout=30, doing=f"making {scratch.name}")
    age = services.clock() - job.ended_at.timestamp() if job.ended_at else LATE
    return await download_job_log(
        services.github, progress.repository, job.job_id, _file(progress, job), wait=max(0.0, LATE - age)
    )


def _make(directory: Path) -> None:
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)


async def _attach(progress: Progress, job: Job) -> None:
    name = re.sub(r"[^A-Za-z0-9]+", "-", job.name).strip("-")[:60]

    async def read() -> str:
        path = _file(progress, job)
        there = await run_blocking(path.exists, timeout=30, doing="looking for a log")
        # It is not where the bot went on elsewhere, or was stopped in between.
        if not there and await _download(progress, job) is None:
            return GONE
        return await run_blocking(_end_of, path, timeout=60, doing=f"reading {path.name}")

    await progress.operation.attach(
        f"log file {job.job_id}", filename=f"{name}-{job.job_id}.txt", title=f"Log of {job.name}", read=read
    )


def _end_of(path: Path) -> str:
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - FILE))
        text = _COLOURS.sub("", file.read().decode(errors="replace"))
    if size <= FILE:
        return text
    return f"(the last {FILE >> 20} MB of {size >> 20} MB; GitHub has the whole log)\n{text.partition(chr(10))[2]}"


def _file(progress: Progress, job: Job) -> Path:
    return progress.operation.scratch / f"job-{job.job_id}.log"


async def _drop(path: Path) -> None:
    await run_blocking(_unlink, path, timeout=30, doing=f"removing {path.name}")


def _unlink(path: Path) -> None:
    path.unlink(missing_ok=True)
