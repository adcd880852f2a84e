"""A run that an operation follows, with what its jobs' logs showed: built from step results, so a restart rebuilds it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from bot.config.targets import build_of
from bot.slack.blocks import kit
from handlers.build import matrix as matrix_views
from handlers.build.command import all_machines
from handlers.build.matrix import BuildMatrix
from handlers.build.matrix_cells import Annotation
from handlers.build.matrix_grid import slot_of
from runners.results import State

if TYPE_CHECKING:
    from datetime import datetime

    from bot.config import Images
    from bot.operations.operation import Operation
    from bot.slack.blocks.kit import Message
    from handlers.build.matrix_grid import MatrixSlot
    from handlers.shared.log_reading import ReadLog
    from runners.results import Commit, Job, WorkflowRun

WITH_LOG = (State.SUCCEEDED, State.FAILED, State.UNKNOWN)  # the log of a cancelled job says only that it was cancelled


@dataclass(slots=True)
class FollowedBuild:
    """A run that an operation follows, with what its jobs' logs showed.

    `by` says who started the run where nobody requested it from Signalbox (escaped). `read` are the ids of jobs whose
    logs were read, `limited` the line of a failed job's log that names a rate limit; `annotations` are by job id.
    `weak` are jobs that are not suspect, with the findings in their logs. `earlier` are the jobs of the attempts before by name, with their annotations, and `earlier_ended_at` is when the
    last of these attempts ended. `newest` is the run as GitHub reported it last; a restart loses it.
    """

    operation: Operation
    run_id: int
    commit: Commit | None = None
    expected: frozenset[MatrixSlot] = frozenset()
    by: str = ""
    attempt: int = 1
    reruns: int = 0
    logs_posted: int = 0
    read: set[int] = field(default_factory=set)
    limited: dict[int, str] = field(default_factory=dict)
    annotations: dict[int, Annotation] = field(default_factory=dict)
    weak: list[tuple[Job, ReadLog]] = field(default_factory=list)
    earlier: dict[str, tuple[Job, Annotation]] = field(default_factory=dict)
    earlier_ended_at: datetime | None = None
    notices: list[str] = field(default_factory=list)
    newest: WorkflowRun | None = None
    cancelled_by: str = ""
    cancelled_at: float = 0.0
    forced: bool = False

    @property
    def name(self) -> str:
        """The name of the image workflow; "" for the one without a name."""
        return build_of(self.operation.record.environment)

    @property
    def images(self) -> Images | None:
        """The settings of the image workflow; None when it was removed from the configuration."""
        return self.operation.services.config.builds.get(self.name)

    @property
    def repository(self) -> str:
        """The repository of the run."""
        return self.operation.services.config.github.repository

    def next_to_read(self, run: WorkflowRun) -> Job | None:
        """The next job that has ended and whose log was not read, in the order of their ids."""
        waiting = [job for job in run.jobs if job.state in WITH_LOG and job.job_id not in self.read]
        return min((job for job in waiting if not self._is_carried(job)), key=lambda job: job.job_id, default=None)

    def record(self, job: Job, annotation: Annotation, limited: str) -> None:
        """Record what a job's log showed; `limited` is the line that names a rate limit, if one does."""
        self.read.add(job.job_id)
        self.annotations[job.job_id] = annotation
        if limited and job.state is not State.SUCCEEDED:
            self.limited[job.job_id] = limited

    def next_attempt(self, run: WorkflowRun) -> None:
        """Go on to the attempt after this one, which is over."""
        self.earlier |= {job.name: (job, self.annotation(job)) for job in run.jobs}
        self.earlier_ended_at = run.ended_at
        self.attempt = run.attempt + 1

    def slot(self, job: Job) -> MatrixSlot | None:
        """The machine role and environment that the job builds for; None where it builds no image."""
        config = self.operation.services.config
        return slot_of(job.name, all_machines(config), tuple(config.whole_environments))

    def annotation(self, job: Job) -> Annotation:
        """The annotation of the job; a job that GitHub carried over from the attempt before retains its own."""
        if self._is_carried(job):
            return self.earlier[job.name][1] if job.name in self.earlier else Annotation()
        # Failed jobs, and the jobs that need them, run again in each attempt.
        return replace(self.annotations.get(job.job_id, Annotation()), reruns=self.attempt - 1)

    def _is_carried(self, job: Job) -> bool:
        # GitHub lists a job that does not run again under a new id, with the times that it had.
        before = self.earlier_ended_at
        return before is not None and job.ended_at is not None and job.ended_at <= before

    def matrix(self, run: WorkflowRun) -> BuildMatrix:
        """The state of the run for its message."""
        services = self.operation.services
        whole = replace(run, jobs=(*run.jobs, *self._not_listed(run)))
        return BuildMatrix(
            head=self.operation.head,
            run=whole,
            now=services.clock(),
            machines=all_machines(services.config),
            environments=tuple(services.config.whole_environments),
            expected=self.expected,
            commit=self.commit,
            annotations={job.job_id: self.annotation(job) for job in whole.jobs},
            notices=tuple(self.notices),
            by=self.by,
        )

    def _not_listed(self, run: WorkflowRun) -> list[Job]:
        # For a while in 2025 GitHub listed only the jobs that ran again, although the images before them still existed.
        listed = {job.name for job in run.jobs}
        return [job for name, (job, _) in self.earlier.items() if name not in listed and job.state is State.SUCCEEDED]

    def message(self, run: WorkflowRun) -> Message:
        """The message while the run is in progress."""
        cancelling = f"being cancelled by {kit.user(self.cancelled_by)}" if self.cancelled_by else ""
        return matrix_views.in_progress(self.matrix(run), cancelling=cancelling)
