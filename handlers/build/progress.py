"""What an operation has learnt of its run: built up from its steps' results, so that a restart comes to the same."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from bot.slack.blocks import kit
from handlers.build import board as board_view
from handlers.build.board import BuildMatrix
from handlers.build.board_cells import Annotation
from handlers.build.board_grid import target_of
from handlers.build.command import all_machines
from runners.results import State

if TYPE_CHECKING:
    from datetime import datetime

    from bot.operations.operation import Operation
    from bot.slack.blocks.kit import Message
    from handlers.build.board_grid import Place
    from runners.results import Commit, Job, WorkflowRun

READ = (State.SUCCEEDED, State.FAILED, State.UNKNOWN)  # cancelled jobs tell only that they were


@dataclass(slots=True)
class Progress:
    """A run that an operation follows, with what was found in its jobs' logs.

    `by` says who started it where nobody did so here (escaped). `read` are the ids of jobs whose logs were looked at,
    `limited` those of failed jobs whose logs say "try again"; `remarks` are by job id. `kept` are the jobs of the
    attempts before by name, with what was known of them then, and `before` is when the last of these attempts ended.
    `seen` is the run as GitHub told it last; a restart forgets it.
    """

    operation: Operation
    run_id: int
    commit: Commit | None = None
    expected: frozenset[Place] = frozenset()
    by: str = ""
    attempt: int = 1
    reruns: int = 0
    logs_shown: int = 0
    read: set[int] = field(default_factory=set)
    limited: dict[int, str] = field(default_factory=dict)
    annotations: dict[int, Annotation] = field(default_factory=dict)
    kept: dict[str, tuple[Job, Annotation]] = field(default_factory=dict)
    before: datetime | None = None
    notes: list[str] = field(default_factory=list)
    seen: WorkflowRun | None = None
    cancelled_by: str = ""
    cancelled_at: float = 0.0
    forced: bool = False

    @property
    def repository(self) -> str:
        """Where the run is."""
        return self.operation.services.config.github.repository

    def unread(self, run: WorkflowRun) -> Job | None:
        """The next job that has ended and whose log was not looked at, in the order of their ids."""
        waiting = [job for job in run.jobs if job.state in READ and job.job_id not in self.read]
        return min((job for job in waiting if not self._is_carried(job)), key=lambda job: job.job_id, default=None)

    def remember(self, job: Job, annotation: Annotation, limited: str) -> None:
        """What reading a job's log has brought; `limited` is the line that says "try again", if one does."""
        self.read.add(job.job_id)
        self.annotations[job.job_id] = annotation
        if limited and job.state is not State.SUCCEEDED:
            self.limited[job.job_id] = limited

    def next_attempt(self, run: WorkflowRun) -> None:
        """The attempt is over, and there is to be another."""
        self.kept |= {job.name: (job, self.annotation(job)) for job in run.jobs}
        self.before = run.ended_at
        self.attempt = run.attempt + 1

    def place(self, job: Job) -> Place | None:
        """The machine and environment that the job builds for; None where it builds no image."""
        config = self.operation.services.config
        return target_of(job.name, all_machines(config), tuple(config.environments))

    def annotation(self, job: Job) -> Annotation:
        """What is known of the job; a job that GitHub carried over from the attempt before keeps what was known."""
        if self._is_carried(job):
            return self.kept[job.name][1] if job.name in self.kept else Annotation()
        # What failed, and what needs it, runs again in each attempt.
        return replace(self.annotations.get(job.job_id, Annotation()), reruns=self.attempt - 1)

    def _is_carried(self, job: Job) -> bool:
        # GitHub lists a job that does not run again under a new id, with the times that it had.
        return self.before is not None and job.ended_at is not None and job.ended_at <= self.before

    def board(self, run: WorkflowRun) -> BuildMatrix:
        """The run as it is shown."""
        services = self.operation.services
        whole = replace(run, jobs=(*run.jobs, *self._not_listed(run)))
        return BuildMatrix(
            head=self.operation.head,
            run=whole,
            now=services.clock(),
            machines=all_machines(services.config),
            environments=tuple(services.config.environments),
            expected=self.expected,
            commit=self.commit,
            annotations={job.job_id: self.annotation(job) for job in whole.jobs},
            notes=tuple(self.notes),
            by=self.by,
        )

    def _not_listed(self, run: WorkflowRun) -> list[Job]:
        # For a while in 2025 GitHub listed only the jobs that ran again; what came out before is still there.
        listed = {job.name for job in run.jobs}
        return [job for name, (job, _) in self.kept.items() if name not in listed and job.state is State.SUCCEEDED]

    def draw(self, run: WorkflowRun) -> Message:
        """The message while the run goes on."""
        cancelling = f"being cancelled by {kit.user(self.cancelled_by)}" if self.cancelled_by else ""
        return board_view.under_way(self.board(run), cancelling=cancelling)
