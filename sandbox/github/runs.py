"""Workflow runs: attempts, jobs, steps, log lines. Mutable, since the simulation updates them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from sandbox.github.commits import Commit
    from sandbox.github.expressions import Value
    from sandbox.github.workflow_model import JobFile, WorkflowFile

_GOOD = {"success", "skipped", "neutral"}
Path = tuple[str, ...]
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
    matrix: Mapping[str, Value]
    created_at: datetime
    steps: list[Step]
    path: Path = ()  # its key, after the keys and numbers of the jobs that call its workflow
    number: int = 0  # among the combinations of its matrix
    labels: tuple[str, ...] = ("ubuntu-latest",)
    outputs: Mapping[str, Value] = field(default_factory=dict)
    tolerated: bool = False  # `continue-on-error`: its failure does not count
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
class Rerun:
    """The jobs that run again: those of these names, and all at these paths or called from there."""

    names: frozenset[str]
    paths: frozenset[Path] = frozenset()

    def includes(self, path: Path, name: str) -> bool:
        """Whether this job runs again."""
        return name in self.names or self.includes_all(path)

    def includes_all(self, path: Path) -> bool:
        """Whether every job at this path runs again."""
        return any(path[: len(each)] == each for each in self.paths)


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
    problems: list[str] = field(default_factory=list)  # of jobs that GitHub could not evaluate
    needs: dict[Path, tuple[Path, ...]] = field(default_factory=dict)  # of each job that had its turn
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
    def to_rerun(self) -> Rerun:
        """The jobs that failed, and those that need them."""
        return self.with_dependents({job.name for job in self.latest_jobs if job.conclusion not in _GOOD})

    def with_dependents(self, names: set[str]) -> Rerun:
        """These jobs, and all that need them."""
        reached = {job.path for job in self.latest_jobs if job.name in names}
        paths: set[Path] = set()
        for _ in self.needs:
            for path, needed in self.needs.items():
                if any(each[: len(need)] == need for need in needed for each in reached):
                    reached.add(path)
                    paths.add(path)
        return Rerun(frozenset(names), frozenset(paths))

    def carry_over(self, rerun: Rerun, new_ids: Iterator[int], now: datetime) -> None:
        """Copy the jobs that do not run again into the present attempt, under new IDs, with their times."""
        again = {job.path for job in self.latest_jobs if rerun.includes(job.path, job.name)}
        carried = [
            job
            for job in self.latest_jobs
            if not rerun.includes(job.path, job.name) and not (job.conclusion == "skipped" and job.path in again)
        ]
        for job in carried:
            copy = replace(job, job_id=next(new_ids), attempt=self.attempt, created_at=now, carried=True)
            self.jobs.append(copy)

    @property
    def latest_jobs(self) -> list[Job]:
        """The newest execution of each job, without a skipped matrix that ran in a later attempt."""
        newest = {(job.path, job.number, job.name): job for job in self.jobs}
        attempts = {job.path: job.attempt for job in self.jobs}
        return [
            job
            for job in self.jobs
            if newest[job.path, job.number, job.name] is job
            and not (job.conclusion == "skipped" and job.attempt < attempts[job.path])
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
        ends = {"success" if job.tolerated else job.conclusion for job in self.latest_jobs}
        if self.cancelling and "cancelled" in ends:
            return "cancelled"
        if self.problems:
            return "failure"
        worst = next((conclusion for conclusion in _WORST_FIRST if conclusion in ends), None)
        return worst or ("skipped" if ends == {"skipped"} else "success")
