"""Reads the log of a job that has ended: downloads it, scans it by the rules of the configuration, redacts the result."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from runners.concurrency import run_blocking
from runners.errors import RunnerError
from runners.github.runs.logs import download_job_log
from runners.logs import failure_patterns
from runners.logs.scan import scan
from runners.logs.scanner import UNREAD
from runners.stored import stored

if TYPE_CHECKING:
    from pathlib import Path

    from bot.config import Images
    from bot.operations.operation import Operation
    from bot.services import Services
    from runners.github.runs.logs import Download
    from runners.results import Job, LogReading

LOG_DELAY = 60.0  # seconds that a log may appear after its job has ended
MOST_FINDINGS = 20
MOST_ATTACHED = 1 << 20  # bytes: the end of a log
NO_LOG = "GitHub has no log of it (any more)"
_COLOURS = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")


@stored("read-log")
@dataclass(frozen=True, slots=True)
class ReadLog:
    """The reading of a log, or why there is none ("log expired")."""

    reading: LogReading | None
    why: str = ""


async def read_log(
    operation: Operation, repository: str, job: Job, images: Images | None, *, delay: float = LOG_DELAY
) -> ReadLog:
    """Within a step: the reading of a job's log by the patterns and the threshold of `images`.

    The log stays in the file of `log_file`. It may appear up to `delay` seconds after the end of its job.
    """
    services = operation.services
    try:
        download = await download_log(operation, repository, job, delay=delay)
    except RunnerError as error:
        return ReadLog(None, services.redact(error.problem)[:200])
    if download is None:
        return ReadLog(None, NO_LOG)
    return await read_file(services, download.path, images, truncated=download.truncated)


async def read_file(services: Services, path: Path, images: Images | None, *, truncated: bool = False) -> ReadLog:
    """Within a step: the reading of a log in a file by the patterns and the threshold of `images`."""
    configured = map(failure_patterns.configured, images.suspicious if images else ())
    try:
        reading = await scan(
            path,
            (*failure_patterns.BUILT_IN, *configured),
            rate_limits=images.rerun.on if images else (),
            prefixes=(images.log_prefix,) if images and images.log_prefix else (),
            truncated=truncated,
        )
    except RunnerError as error:
        return ReadLog(None, services.redact(error.problem)[:200])
    redacted = services.redact.within(reading)
    # The finding that the log was not read to its end must not be cut off.
    first = sorted(redacted.findings, key=lambda finding: finding.pattern != UNREAD)
    threshold = images.suspect_weight if images else redacted.threshold
    return ReadLog(replace(redacted, findings=tuple(first[:MOST_FINDINGS]), threshold=threshold))


async def download_log(operation: Operation, repository: str, job: Job, *, delay: float = LOG_DELAY) -> Download | None:
    """Download a job's log; None where GitHub has none `delay` seconds after the end of the job."""
    services, scratch = operation.services, operation.scratch
    await run_blocking(_make_directory, scratch, timeout=30, doing=f"making {scratch.name}")
    age = services.clock() - job.ended_at.timestamp() if job.ended_at else delay
    return await download_job_log(
        services.github, repository, job.job_id, log_file(operation, job), wait=max(0.0, delay - age)
    )


def log_file(operation: Operation, job: Job) -> Path:
    """The file of a job's log, which lasts as long as the operation."""
    return operation.scratch / f"job-{job.job_id}.log"


async def delete_log(operation: Operation, job: Job) -> None:
    """Delete the file of a job's log."""
    path = log_file(operation, job)
    await run_blocking(_unlink, path, timeout=30, doing=f"removing {path.name}")


def end_of(path: Path) -> str:
    """The end of a log in a file, without colours."""
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - MOST_ATTACHED))
        text = _COLOURS.sub("", file.read().decode(errors="replace"))
    if size <= MOST_ATTACHED:
        return text
    return f"(the last {MOST_ATTACHED >> 20} MB of {size >> 20} MB; GitHub has the whole log)\n{text.partition(chr(10))[2]}"


def _make_directory(directory: Path) -> None:
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)


def _unlink(path: Path) -> None:
    path.unlink(missing_ok=True)
