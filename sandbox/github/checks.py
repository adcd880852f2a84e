"""What tests and services say of a commit: check runs, commit statuses, and which of them a branch requires."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sandbox.github.commits import CommitGraph
    from sandbox.github.runs import Job, Run

Conclusion = Literal[
    "success", "failure", "neutral", "cancelled", "skipped", "timed_out", "action_required", "stale", "startup_failure"
]
StatusState = Literal["error", "failure", "pending", "success"]
ACTIONS = "github-actions"
ACTIONS_APP_ID = 15_368
_PASSES = {"success", "neutral", "skipped"}


@dataclass(slots=True)
class CheckRun:
    """One check run. `conclusion` is None until it is over; `app` is who ran it."""

    check_id: int
    sha: str
    name: str
    status: str
    conclusion: str | None
    started_at: datetime
    completed_at: datetime | None
    app: str = ACTIONS
    suite_id: int = 0  # 0: the suite that the app has for the commit
    url: str | None = None

    def complete(self, conclusion: Conclusion) -> None:
        """It is over."""
        self.status, self.conclusion, self.completed_at = "completed", conclusion, datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class CommitStatus:
    """One commit status: a newer one of the same context takes its place."""

    status_id: int
    sha: str
    context: str
    state: str
    description: str | None
    target_url: str | None
    creator: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Protection:
    """What a branch requires. `strict` heads must hold the base's newest commit; `ruleset` tells it as a rule instead."""

    required: tuple[str, ...] = ()
    strict: bool = False
    reviews: int = 0
    ruleset: bool = False


@dataclass(slots=True)
class Checks:
    """The checks of a repository's commits. The jobs of workflow runs are among them, whatever started the run."""

    _graph: CommitGraph
    _of_workflows: Mapping[int, Run]
    _runs: list[CheckRun] = field(default_factory=list)
    _statuses: list[CommitStatus] = field(default_factory=list)
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(31_700_000_001, 3))

    def check(
        self,
        ref: str,
        name: str,
        conclusion: Conclusion | None = "success",
        *,
        status: Literal["queued", "in_progress", "completed"] | None = None,
        app: str = ACTIONS,
    ) -> CheckRun:
        """A check run of the commit that `ref` names now; without a conclusion it goes on until `complete`."""
        sha = self._graph.resolve(ref).sha
        now = datetime.now(UTC)
        state = "completed" if conclusion else status or "in_progress"
        made = CheckRun(next(self._numbers), sha, name, state, conclusion, now, now if conclusion else None, app)
        self._runs.append(made)
        return made

    def status(
        self,
        ref: str,
        context: str,
        state: StatusState = "success",
        *,
        description: str | None = None,
        by: str = "lee-park",
    ) -> CommitStatus:
        """A commit status of the commit that `ref` names now."""
        sha = self._graph.resolve(ref).sha
        made = CommitStatus(next(self._numbers), sha, context, state, description, None, by, datetime.now(UTC))
        self._statuses.append(made)
        return made

    def runs(self, sha: str, *, latest: bool = True) -> list[CheckRun]:
        """The check runs of a commit, newest first; with `latest` one for each name in a check suite."""
        jobs = [_of_job(run, job) for run in self._of_workflows.values() if run.commit.sha == sha for job in run.jobs]
        every = [run for run in self._runs if run.sha == sha] + jobs
        if latest:
            every = list({(run.app, run.suite_id, run.name): run for run in every}.values())
        return every[::-1]

    def statuses(self, sha: str, *, latest: bool = True) -> list[CommitStatus]:
        """The statuses of a commit, newest first; with `latest` one for each context."""
        every = [statuse for statuse in self._statuses if statuse.sha == sha]
        if latest:
            every = list({one.context: one for one in every}.values())
        return every[::-1]

    def combined(self, sha: str) -> str:
        """The state of all statuses together: pending too where there is none."""
        states = {statuse.state for statuse in self.statuses(sha)}
        if states & {"error", "failure"}:
            return "failure"
        return "success" if states == {"success"} else "pending"

    def contexts(self, sha: str) -> dict[str, str]:
        """Each check run and status of a commit by name, as deployments word them."""
        of_runs = {run.name: run.conclusion or "pending" for run in self.runs(sha)[::-1]}
        return of_runs | {statuse.context: statuse.state for statuse in self.statuses(sha)}

    def missing(self, sha: str, required: tuple[str, ...]) -> list[str]:
        """Why the required checks do not let this commit through, in GitHub's words."""
        known = self.contexts(sha)
        why = []
        for name in required:
            state = known.get(name)
            if state in _PASSES:
                continue
            word = "expected" if state is None else "in progress" if state == "pending" else "failing"
            why.append(f'Required status check "{name}" is {word}.')
        return why


def _of_job(run: Run, job: Job) -> CheckRun:
    started = job.started_at or job.created_at
    return CheckRun(
        job.job_id,
        run.commit.sha,
        job.name,
        job.status,
        job.conclusion,
        started,
        job.completed_at,
        suite_id=run.suite_id,
    )
