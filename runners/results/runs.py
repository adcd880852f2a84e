"""Commits, and GitHub's runs and jobs."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from runners.stored import stored

if TYPE_CHECKING:
    from datetime import datetime


@stored("commit")
@dataclass(frozen=True, slots=True)
class Commit:
    """One commit of a repository on GitHub.

    `sha` is the full 40 hex digits; `subject` the first line of its message; `ref` what was asked for. `full_name` is
    what that named (refs/heads/main, refs/tags/v1), empty for a commit.
    """

    repository: str
    sha: str
    ref: str
    subject: str
    author: str
    url: str
    full_name: str = field(default="", compare=False)

    @property
    def short(self) -> str:
        """The first seven digits, as people say it."""
        return self.sha[:7]


@stored("run-state")
class State(StrEnum):
    """How a job, a run or a host stands."""

    WAITING = "waiting"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    SKIPPED = "skipped"
    UNREACHABLE = "unreachable"
    NOT_REACHED = "not reached"
    UNKNOWN = "unknown"

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen to it."""
        return self not in (State.WAITING, State.RUNNING)


@stored("job")
@dataclass(frozen=True, slots=True)
class Job:
    """One job of a workflow run. `failing_step` names the first failed step; times are aware UTC.

    `held` while the rules of its GitHub environment hold it: people have to review it, or a timer has to end.
    """

    job_id: int
    name: str
    state: State
    url: str
    started_at: datetime | None = None
    ended_at: datetime | None = None
    failing_step: str | None = None
    held: bool = False


@stored("pending-review")
@dataclass(frozen=True, slots=True)
class PendingReview:
    """An environment of GitHub that a run waits for: its name, who may review, and the end of its timer (aware UTC)."""

    environment: str
    reviewers: tuple[str, ...] = ()
    until: datetime | None = None


@stored("workflow-run")
@dataclass(frozen=True, slots=True)
class WorkflowRun:
    """One run of a GitHub Actions workflow with its jobs, as last seen. Times are aware UTC.

    `actor` is the login of who started this attempt, `event` what GitHub calls its cause ("workflow_dispatch"), `branch` the
    branch or tag, `file` the name of the workflow's file. While GitHub does not answer, `stale_since` is when it last answered and `stale_because` why.
    """

    repository: str
    run_id: int
    number: int
    attempt: int
    workflow: str
    head_sha: str
    state: State
    url: str
    created_at: datetime
    jobs: tuple[Job, ...] = ()
    ended_at: datetime | None = None
    actor: str = ""
    event: str = ""
    branch: str = ""
    stale_since: datetime | None = None
    stale_because: str = ""
    file: str = ""

    @property
    def failed_jobs(self) -> tuple[Job, ...]:
        """The jobs that ended badly, in GitHub's order."""
        return tuple(job for job in self.jobs if job.state in (State.FAILED, State.CANCELLED, State.UNKNOWN))
