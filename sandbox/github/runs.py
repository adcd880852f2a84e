"""Workflow runs: attempts, jobs, steps, log lines. Mutable, since the simulation updates them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from sandbox.github.commits import Commit
    from sandbox.github.workflow_file import JobFile, WorkflowFile

_GOOD = {"success", "skipped", "neutral"}
# The conclusion of a run is the first of these among its jobs.
_WORST_FIRST = ("failure", "timed_out", "cancelled")


@dataclass(slots=True)
class Step:
    """A step. `lines` are its log, each with its time."""

    number: int
    name: str
    status: str = "queued"
    conclusion: str | None = None
    started_at: datetime | None = None
    completed_at: datetime | None = None
    lines: list[tuple[datetime, str]] = field(default_factory=list)

    def start(self, now: datetime) -> None:
        """Start the step."""
        self.status, self.started_at = "in_progress", now

    def end(self, conclusion: str, now: datetime) -> None:
        """End the step; a step that never started gets the end as its start."""
        self.status, self.conclusion = "completed", conclusion
        self.started_at = self.started_at or now
        self.completed_at = now


@dataclass(slots=True)
class Job:
    """A job of an attempt."""

    job_id: int
    run_id: int
    attempt: int
    name: str
    file: JobFile
    matrix: Mapping[str, str]
    created_at: datetime
    steps: list[Step]
    status: str = "queued"
    conclusion: str | None = None
    started_at: datetime | None = None
    completed_at: datetime | None = None
    ran: bool = False  # a runner took it
    carried: bool = False  # over from the attempt before: it did not run again
    without_log: bool = False  # GitHub has lost it
    padding: int = 0  # bytes of harmless lines in its log
    environment: str = ""  # of GitHub, whose reviewers it waits for
    reviewers: tuple[str, ...] = ()

    def start(self, now: datetime) -> None:
        """Start the job on a runner."""
        self.status, self.started_at, self.ran = "in_progress", now, True

    def end(self, conclusion: str, now: datetime) -> None:
        """End the job and the steps that did not run."""
        for step in self.steps:
            if step.status != "completed":
                step.end("cancelled" if conclusion == "cancelled" else "skipped", now)
        self.status, self.conclusion, self.completed_at = "completed", conclusion, now
        self.started_at = self.started_at or now

    @property
    def log(self) -> list[tuple[datetime, str]]:
        """Every line of the job's log, in order."""
        return [line for step in self.steps for line in step.lines]


@dataclass(slots=True)
class Workflow:
    """A registered workflow; its file may differ between commits."""

    workflow_id: int
    path: str
    name: str
    created_at: datetime
    state: str = "active"

    @property
    def filename(self) -> str:
        """The last part of its path: what `deploy-staging.yml` means in a URL."""
        return self.path.rpartition("/")[2]


@dataclass(frozen=True, slots=True)
class Attempt:
    """A past attempt."""

    number: int
    started_at: datetime
    updated_at: datetime
    triggering_actor: str
    cancelled: bool


@dataclass(slots=True)
class Run:
    """A run of a workflow with all its attempts. `past` are the attempts before the present attempt."""

    run_id: int
    number: int
    workflow: Workflow
    file: WorkflowFile
    commit: Commit
    branch: str
    event: str
    actor: str
    title: str
    inputs: Mapping[str, str]
    created_at: datetime
    updated_at: datetime
    started_at: datetime
    triggering_actor: str
    attempt: int = 1
    jobs: list[Job] = field(default_factory=list)
    finished: bool = False
    cancelling: bool = False
    logs_expired: bool = False
    broken: bool = False  # GitHub could not evaluate a job's strategy
    past: list[Attempt] = field(default_factory=list)

    def next_attempt(self, actor: str, now: datetime) -> None:
        """Start the next attempt."""
        self.past.append(
            Attempt(self.attempt, self.started_at, self.updated_at, self.triggering_actor, self.cancelling)
        )
        self.attempt += 1
        self.finished = self.cancelling = False
        self.started_at = self.updated_at = now
        self.triggering_actor = actor

    def as_of(self, attempt: int) -> Run | None:
        """The run at the end of a past attempt, or itself for the present attempt; None without such an attempt."""
        if attempt == self.attempt:
            return self
        for past in self.past:
            if past.number == attempt:
                return replace(
                    self,
                    attempt=attempt,
                    started_at=past.started_at,
                    updated_at=past.updated_at,
                    triggering_actor=past.triggering_actor,
                    cancelling=past.cancelled,
                    finished=True,
                    jobs=[job for job in self.jobs if job.attempt <= attempt],
                )
        return None

    @property
    def suite_id(self) -> int:
        """The number of the check suite that its jobs are in, over all attempts."""
        return self.run_id + 5_000_000_000

    @property
    def to_rerun(self) -> frozenset[str]:
        """The names of the jobs that failed, and of those that need them."""
        return self.with_dependents({job.name for job in self.latest_jobs if job.conclusion not in _GOOD})

    def with_dependents(self, names: set[str]) -> frozenset[str]:
        """These jobs, and all that need them."""
        keys = {job.file.key for job in self.latest_jobs if job.name in names}
        for file in self.file.jobs * len(self.file.jobs):
            if keys & set(file.needs):
                keys.add(file.key)
                names = names | {file.display_name(matrix, self.inputs) for matrix in file.matrix}
        return frozenset(names)

    def carry_over(self, rerun: frozenset[str], new_ids: Iterator[int], now: datetime) -> None:
        """Copy the jobs that do not run again into the present attempt, under new IDs, with their times."""
        again = {file.key for file in self.file.jobs if any(name in rerun for name in self._names(file))}
        carried = [
            job
            for job in self.latest_jobs
            if job.name not in rerun and not (job.conclusion == "skipped" and job.file.key in again)
        ]
        for job in carried:
            copy = replace(job, job_id=next(new_ids), attempt=self.attempt, created_at=now, carried=True)
            self.jobs.append(copy)

    def _names(self, file: JobFile) -> list[str]:
        return [file.display_name(matrix, self.inputs) for matrix in file.matrix]

    @property
    def latest_jobs(self) -> list[Job]:
        """The newest execution of each job, without a skipped matrix that ran in a later attempt."""
        newest = {job.name: job for job in self.jobs}
        attempts = {job.file.key: job.attempt for job in self.jobs}
        return [
            job
            for job in self.jobs
            if newest[job.name] is job and not (job.conclusion == "skipped" and job.attempt < attempts[job.file.key])
        ]

    @property
    def status(self) -> str:
        """GitHub's status: `queued` while any job waits for a runner, even while others run (cli/cli#13972).

        `waiting` when all remaining jobs wait for an approval.
        """
        if self.finished:
            return "completed"
        now = [job.status for job in self.latest_jobs if job.attempt == self.attempt and not job.carried]
        if "waiting" in now and not {"queued", "in_progress"} & set(now):
            return "waiting"
        return "queued" if not now or "queued" in now else "in_progress"

    @property
    def conclusion(self) -> str | None:
        """None until the run has ended; then the worst of its jobs."""
        if not self.finished:
            return None
        ends = {job.conclusion for job in self.latest_jobs}
        if self.cancelling and "cancelled" in ends:
            return "cancelled"
        if self.broken:
            return "failure"
        worst = next((conclusion for conclusion in _WORST_FIRST if conclusion in ends), None)
        return worst or ("skipped" if ends == {"skipped"} else "success")
