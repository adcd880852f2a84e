"""Checks of commits: check runs, commit statuses, and the checks that a branch requires."""

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
    """A check run. `conclusion` is None until it is complete; `app` ran it."""

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
        """Complete the check run."""
        self.status, self.conclusion, self.completed_at = "completed", conclusion, datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class CommitStatus:
    """A commit status: a newer status of the same context replaces it."""

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
    """The requirements of a branch. `strict`: heads must contain the base's newest commit; `ruleset`: by a ruleset, not by branch protection.

    `sources` names the App that has to report a required check; any may report the others.
    """

    required: tuple[str, ...] = ()
    strict: bool = False
    reviews: int = 0
    ruleset: bool = False
    sources: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Checks:
    """The checks of a repository's commits, including the jobs of all workflow runs."""

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
        suite: int = 0,
    ) -> CheckRun:
        """Add a check run to the commit that `ref` names now; without a conclusion it runs until `complete`.

        `suite` is a check suite of its own, as another event of the same App makes; 0: the App's suite for the commit.
        """
        sha = self._graph.resolve(ref).sha
        now = datetime.now(UTC)
        state = "completed" if conclusion else status or "in_progress"
        check = CheckRun(
            next(self._numbers), sha, name, state, conclusion, now, now if conclusion else None, app, suite
        )
        self._runs.append(check)
        return check

    def status(
        self,
        ref: str,
        context: str,
        state: StatusState = "success",
        *,
        description: str | None = None,
        by: str = "lee-park",
    ) -> CommitStatus:
        """Add a commit status to the commit that `ref` names now."""
        sha = self._graph.resolve(ref).sha
        added = CommitStatus(next(self._numbers), sha, context, state, description, None, by, datetime.now(UTC))
        self._statuses.append(added)
        return added

    def runs(self, sha: str, *, latest: bool = True) -> list[CheckRun]:
        """The check runs of a commit, newest first; with `latest` only the newest of each name in a check suite."""
        jobs = [_of_job(run, job) for run in self._of_workflows.values() if run.commit.sha == sha for job in run.jobs]
        every = [run for run in self._runs if run.sha == sha] + jobs
        if latest:
            every = list({(run.app, run.suite_id, run.name): run for run in every}.values())
        return every[::-1]

    def statuses(self, sha: str, *, latest: bool = True) -> list[CommitStatus]:
        """The statuses of a commit, newest first; with `latest` only the newest of each context."""
        every = [status for status in self._statuses if status.sha == sha]
        if latest:
            every = list({status.context: status for status in every}.values())
        return every[::-1]

    def combined(self, sha: str) -> str:
        """The combined state of all statuses; pending without a status."""
        states = {status.state for status in self.statuses(sha)}
        if states & {"error", "failure"}:
            return "failure"
        return "success" if states == {"success"} else "pending"

    def contexts(self, sha: str, app: str | None = None) -> dict[str, str]:
        """The state of each check run and status of a commit by name, in the terms of deployments; of one App, or of all."""
        runs = [run for run in self.runs(sha)[::-1] if app in (None, run.app)]
        statuses = [status for status in self.statuses(sha) if app is None or status.creator == f"{app}[bot]"]
        of_runs = {run.name: run.conclusion or "pending" for run in runs}
        return of_runs | {status.context: status.state for status in statuses}

    def missing(self, sha: str, required: tuple[str, ...], sources: Mapping[str, str] | None = None) -> list[str]:
        """The reasons why the required checks block this commit, in GitHub's words."""
        reasons = []
        for name in required:
            state = self.contexts(sha, (sources or {}).get(name)).get(name)
            if state in _PASSES:
                continue
            word = "expected" if state is None else "in progress" if state == "pending" else "failing"
            reasons.append(f'Required status check "{name}" is {word}.')
        return reasons


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
