"""Joins builders to the jobs they belong to, and decides whether a job still needs its builder; without input or output."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from runners import phrases
from runners.results import Joined, JoinedBy, State, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from runners.results import Builder, Job, WorkflowRun

# Differences between the clocks of GitHub, EC2 and the machine that ran Packer.
_SKEW = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class Limits:
    """When a builder counts as stuck.

    `grace` is the time after its job has ended in which Packer may clean up; `longest_build` the time from its start
    while its job runs; `unknown_after` the time from its start when its job is unknown.
    """

    grace: timedelta = timedelta(minutes=5)
    longest_build: timedelta = timedelta(hours=3)
    unknown_after: timedelta = timedelta(minutes=45)


def join(
    builders: Iterable[Builder],
    runs: Sequence[WorkflowRun] | None,
    *,
    now: datetime,
    limits: Limits,
    read_since: datetime | None = None,
    unreadable: str = "the workflow's runs could not be read",
) -> tuple[Joined, ...]:
    """Each builder with its job and a verdict, in the order given.

    `runs` are those of the image workflow, with their jobs; None when they could not be read, with the reason in
    `unreadable`. They are complete from `read_since` on (None: always): an older builder's job may be missing. Read the
    run that a builder's tag names by its id (`Builder.run_id`), and add it to `runs`.
    """
    by_id = {run.run_id: run for run in runs or ()}
    joined = []
    for builder in builders:
        if runs is None:
            claim = _Claim(JoinedBy.UNREADABLE, unreadable)
        elif builder.run_id:
            claim = _by_tag(builder, builder.run_id, by_id)
        else:
            claim = _by_time(builder, runs, read_since)
        ended_at = _ended_at(claim)
        verdict, reason = _verdict(builder, claim, ended_at, now, limits)
        joined.append(
            Joined(builder, verdict, claim.joined_by, claim.certainty, reason, claim.run, claim.jobs, ended_at)
        )
    return tuple(joined)


@dataclass(frozen=True, slots=True)
class _Claim:
    """The run and jobs that a builder may belong to, the likeliest job first."""

    joined_by: JoinedBy
    certainty: str
    run: WorkflowRun | None = None
    jobs: tuple[Job, ...] = ()


def _by_tag(builder: Builder, run_id: int, by_id: Mapping[int, WorkflowRun]) -> _Claim:
    run = by_id.get(run_id)
    if run is None:
        return _Claim(JoinedBy.UNREADABLE, f"its tag names run {run_id}, which could not be read")
    jobs = (job for job in run.jobs if _ran_then(job, builder.started_at))
    return _Claim(JoinedBy.TAG, "by its tag", run, _likeliest_first(jobs, builder.started_at))


def _by_time(builder: Builder, runs: Sequence[WorkflowRun], read_since: datetime | None) -> _Claim:
    if read_since and builder.started_at < read_since:
        return _Claim(JoinedBy.UNREADABLE, "it began before the runs that were read")
    candidates = [(run, job) for run in runs for job in run.jobs if _ran_then(job, builder.started_at)]
    jobs = _likeliest_first((job for _, job in candidates), builder.started_at)
    candidate_runs = {run.run_id: run for run, _ in candidates}
    run = next(iter(candidate_runs.values())) if len(candidate_runs) == 1 else None
    if not jobs:
        return _Claim(JoinedBy.NO_JOB, "no job ran then")
    if len(jobs) == 1:
        return _Claim(JoinedBy.ONLY_JOB, "only one job ran then", run, jobs)
    return _Claim(JoinedBy.ONE_OF_SEVERAL, f"one of {len(jobs)} jobs that ran then", run, jobs)


def _ran_then(job: Job, at: datetime) -> bool:
    if job.state is State.SKIPPED or job.started_at is None or job.started_at - _SKEW > at:
        return False
    return job.ended_at is None or at <= job.ended_at + _SKEW


def _likeliest_first(jobs: Iterable[Job], at: datetime) -> tuple[Job, ...]:
    """First the jobs that ran at that time without regard to clock differences, then those that failed: success cleans up."""

    def unlikely(job: Job) -> tuple[bool, bool]:
        ran_at = job.started_at is not None and job.started_at <= at and (job.ended_at is None or at <= job.ended_at)
        return not ran_at, job.state is State.SUCCEEDED

    return tuple(sorted(jobs, key=unlikely))


def _ended_at(claim: _Claim) -> datetime | None:
    """When the last job that may be the builder's ended; None while a job still runs, or without a job and run."""
    if claim.jobs:
        if any(not job.state.ended for job in claim.jobs):
            return None
        return max(at for job in claim.jobs if (at := job.ended_at or job.started_at))
    run = claim.run
    if run is None:
        return None
    return (run.ended_at or run.created_at) if run.state.ended else None


def _verdict(
    builder: Builder, claim: _Claim, ended_at: datetime | None, now: datetime, limits: Limits
) -> tuple[Verdict, str]:
    if claim.run is None and not claim.jobs:
        return _unclaimed(builder, claim, now, limits)
    if ended_at is None and _of_an_earlier_attempt(builder, claim):
        return Verdict.ENDED, "the attempt that it belonged to is over, and the run was started again since"
    age = builder.age(now)
    if ended_at is None and age > limits.longest_build:
        return (
            Verdict.TOO_OLD,
            f"its job still runs, but no build takes {phrases.span(age)} (at most {phrases.span(limits.longest_build)})",
        )
    if ended_at is None:
        return Verdict.BUSY, _still_runs(claim)
    over = max(now - ended_at, timedelta())
    how = _how_it_ended(claim)
    if over <= limits.grace:
        return Verdict.ENDING, f"{how} {phrases.span(over)} ago; Packer has {phrases.span(limits.grace)} to clean up"
    return Verdict.ENDED, f"{how} {phrases.span(over)} ago"


def _unclaimed(builder: Builder, claim: _Claim, now: datetime, limits: Limits) -> tuple[Verdict, str]:
    age = builder.age(now)
    if age > limits.unknown_after:
        return Verdict.TOO_OLD, f"{claim.certainty}, and it has been there for {phrases.span(age)}"
    return Verdict.UNKNOWN, f"{claim.certainty}; it counts as stuck after {phrases.span(limits.unknown_after)}"


def _of_an_earlier_attempt(builder: Builder, claim: _Claim) -> bool:
    run = claim.run
    if run is None or claim.jobs or run.attempt < 2:
        return False
    starts = [job.started_at for job in run.jobs if job.started_at]
    return bool(starts) and builder.started_at < min(starts) - _SKEW


def _still_runs(claim: _Claim) -> str:
    running = [job for job in claim.jobs if not job.state.ended]
    if len(claim.jobs) == 1:
        return f"its job {running[0].name} still runs"
    if len(running) == 1:
        return f"{running[0].name} still runs, one of the {len(claim.jobs)} jobs that may be its own"
    if claim.jobs:
        return f"{len(running)} of the {len(claim.jobs)} jobs that may be its own still run"
    return "its run still runs"


_ENDED = {State.SUCCEEDED: "succeeded", State.FAILED: "failed", State.CANCELLED: "was cancelled"}


def _how_it_ended(claim: _Claim) -> str:
    if len(claim.jobs) == 1:
        job = claim.jobs[0]
        return f"its job {job.name} {_ENDED.get(job.state, 'ended')}"
    if claim.run and (not claim.jobs or claim.run.state.ended):
        return f"its run {_ENDED.get(claim.run.state, 'ended')}"
    return f"the last of the {len(claim.jobs)} jobs that may be its own ended"
