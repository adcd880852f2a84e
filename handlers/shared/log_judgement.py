"""Judges the logs of a run that ended well: jobs that failed without saying so, and lines that are too weak for that."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from handlers.shared.log_reading import ReadLog, delete_log, read_log
from runners.results import LogReading, State
from runners.stored import stored

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.operations.operation import Operation
    from runners.results import Job, WorkflowRun

JUDGED = "judged logs"  # the step whose result the button Details reads
MOST_JOBS = 30  # whose logs are read
DELAY = 20.0  # seconds after the end of its job in which a log may appear: the end of a deploy waits for it


@stored("judged-job")
@dataclass(frozen=True, slots=True)
class JudgedJob:
    """A job or playbook that ended well, with the findings in its log; `reading` has nothing but these.

    A playbook has no `url`.
    """

    name: str
    url: str
    reading: LogReading


@stored("judged-logs")
@dataclass(frozen=True, slots=True)
class JudgedLogs:
    """The jobs or playbooks that have findings, and the names of those whose log could not be read."""

    jobs: tuple[JudgedJob, ...] = ()
    unread: tuple[str, ...] = ()

    @property
    def suspects(self) -> tuple[JudgedJob, ...]:
        """The jobs that probably failed."""
        return tuple(job for job in self.jobs if job.reading.suspect)

    @property
    def weak(self) -> tuple[JudgedJob, ...]:
        """The jobs whose findings are below the threshold."""
        return tuple(job for job in self.jobs if not job.reading.suspect)

    @property
    def weak_findings(self) -> int:
        """How many findings are below the threshold."""
        return sum(len(job.reading.findings) for job in self.weak)


@dataclass(frozen=True, slots=True)
class Playbook:
    """A playbook that ended well, by its role."""

    name: str
    url: str = ""


NO_FINDINGS = JudgedLogs()


async def judge_run(operation: Operation, run: WorkflowRun) -> JudgedLogs:
    """Durable: read the logs of the jobs that ended well, and record the suspect ones in the audit log.

    An operation of before this existed reads none.
    """
    if not await operation.services.engine.patched("logs of deploys"):
        return NO_FINDINGS
    ended_well = [job for job in run.jobs if job.state is State.SUCCEEDED][:MOST_JOBS]
    read = [
        (job, await operation.step(f"judge log of job {job.job_id}", partial(_read, operation, job)))
        for job in ended_well
    ]
    return await record_judgement(operation, read)


async def record_judgement(operation: Operation, read: Sequence[tuple[Job | Playbook, ReadLog]]) -> JudgedLogs:
    """Durable: store what the logs of these jobs or playbooks showed, for the message and its button Details."""

    async def judged() -> JudgedLogs:
        return judgement_of(read)

    result = await operation.step(JUDGED, judged)
    for job in result.suspects:
        patterns = dict.fromkeys(finding.pattern for finding in job.reading.findings)
        await operation.audit("suspect", what=job.name, why=", ".join(patterns)[:200])
    return result


def judgement_of(read: Sequence[tuple[Job | Playbook, ReadLog]]) -> JudgedLogs:
    """The jobs with findings, without the rest of their logs."""
    judged = [
        JudgedJob(job.name, job.url, _findings_of(log.reading))
        for job, log in read
        if log.reading and (log.reading.findings or log.reading.suspect)
    ]
    return JudgedLogs(tuple(judged), tuple(job.name for job, log in read if log.reading is None))


def _findings_of(reading: LogReading) -> LogReading:
    return replace(reading, first_error=None, tail=(), images=(), rate_limited="")


async def _read(operation: Operation, job: Job) -> ReadLog:
    log = await read_log(operation, operation.repository, job, operation.services.config.images, delay=DELAY)
    await delete_log(operation, job)
    return log
