"""Which job a builder belongs to, and whether it is stuck: tables."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from runners.aws.builders.job_join import Limits, join
from runners.results import Builder, Job, Joined, JoinedBy, Match, State, Verdict, WorkflowRun

BEGAN = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
LIMITS = Limits(grace=timedelta(minutes=5), longest_build=timedelta(hours=3), unknown_after=timedelta(minutes=45))


def at(minutes: float) -> datetime:
    return BEGAN + timedelta(minutes=minutes)


def builder(started: float = 2, **changes: Any) -> Builder:
    given: dict[str, Any] = {
        "instance_id": "i-1",
        "region": "us-west-2",
        "type": "t3.large",
        "name": "Packer Builder",
        "state": "running",
        "launched_at": at(started + 1),
        "started_at": at(started),
        "matched_by": (Match.KEY_PAIR,),
        "image_id": "ami-1",
        "zone": "us-west-2a",
    }
    return Builder(**given | changes)


def job(number: int, start: float | None = 0, end: float | None = None, state: State | None = None) -> Job:
    state = state or (State.RUNNING if end is None else State.FAILED)
    started, ended = (None if item is None else at(item) for item in (start, end))
    return Job(number, f"build ({number})", state, "", started, ended)


def run(
    run_id: int, *jobs: Job, state: State = State.RUNNING, attempt: int = 1, ended: float | None = None
) -> WorkflowRun:
    return WorkflowRun(
        "o/r",
        run_id,
        run_id,
        attempt,
        "build-images.yml",
        "a" * 40,
        state,
        "",
        at(-1),
        jobs,
        None if ended is None else at(ended),
    )


def joined(item: Builder, *runs: WorkflowRun, now: float = 20, **more: Any) -> Joined:
    (result,) = join([item], runs, now=at(now), limits=LIMITS, **more)
    return result


TAGGED = builder(run_id=7)


@pytest.mark.parametrize(
    ("item", "runs", "now", "verdict", "certainty", "reason"),
    [
        (TAGGED, [run(7, job(1))], 20, "busy", "by its tag", "its job build (1) still runs"),
        (
            TAGGED,
            [run(7, job(1, 0, 10))],
            14,
            "ending",
            "by its tag",
            "its job build (1) failed 4 min ago; Packer has 5 min to clean up",
        ),
        (TAGGED, [run(7, job(1, 0, 10))], 16, "ended", "by its tag", "its job build (1) failed 6 min ago"),
        (
            TAGGED,
            [run(7, job(1, 0, 10, State.CANCELLED))],
            35,
            "ended",
            "by its tag",
            "its job build (1) was cancelled 25 min ago",
        ),
        (
            TAGGED,
            [run(7, job(1, 0, 10), job(2), job(3))],
            40,
            "busy",
            "by its tag",
            "2 of the 3 jobs that may be its own still run",
        ),
        (
            TAGGED,
            [run(7, job(1, 0, 10), job(2))],
            40,
            "busy",
            "by its tag",
            "build (2) still runs, one of the 2 jobs that may be its own",
        ),
        (
            TAGGED,
            [run(7, job(1, 0, 10), job(2, 0, 30), state=State.FAILED)],
            60,
            "ended",
            "by its tag",
            "its run failed 30 min ago",
        ),
        # Its job was over before the builder began: only the run itself shows it.
        (TAGGED, [run(7, job(1, -60, -30))], 40, "busy", "by its tag", "its run still runs"),
        (
            TAGGED,
            [run(7, state=State.CANCELLED, ended=5)],
            40,
            "ended",
            "by its tag",
            "its run was cancelled 35 min ago",
        ),
        (
            TAGGED,
            [run(7, job(1, 30), attempt=2)],
            40,
            "ended",
            "by its tag",
            "the attempt that it belonged to is over, and the run was started again since",
        ),
        (
            TAGGED,
            [run(7, job(1))],
            190,
            "too old",
            "by its tag",
            "its job still runs, but no build takes 3 h 8 min (at most 3 h)",
        ),
        (
            TAGGED,
            [run(8, job(1))],
            20,
            "unknown",
            "its tag names run 7, which could not be read",
            "its tag names run 7, which could not be read; it counts as stuck after 45 min",
        ),
        (
            builder(),
            [run(7, job(1)), run(8, job(2, -90, -60))],
            20,
            "busy",
            "only one job ran then",
            "its job build (1) still runs",
        ),
        (
            builder(),
            [run(7, job(1), job(2, 0, 10), job(3, 30)), run(8, job(4))],
            40,
            "busy",
            "one of 3 jobs that ran then",
            "2 of the 3 jobs that may be its own still run",
        ),
        (
            builder(),
            [run(7, job(1, 0, 10)), run(8, job(4, 0, 20))],
            40,
            "ended",
            "one of 2 jobs that ran then",
            "the last of the 2 jobs that may be its own ended 20 min ago",
        ),
        (builder(), [], 20, "unknown", "no job ran then", "no job ran then; it counts as stuck after 45 min"),
        (builder(), [], 60, "too old", "no job ran then", "no job ran then, and it has been there for 58 min"),
    ],
)
def test_a_builder_is_judged_by_its_job(
    item: Builder, runs: list[WorkflowRun], now: float, *, verdict: str, certainty: str, reason: str
) -> None:
    result = joined(item, *runs, now=now)
    assert (result.verdict.value, result.certainty, result.reason) == (verdict, certainty, reason)
    assert result.stuck is (verdict in ("ended", "too old"))


def test_runs_that_could_not_be_read_say_so_and_age_decides() -> None:
    (young, old) = join([builder(), builder(-60)], None, now=at(20), limits=LIMITS)
    assert (young.joined_by, young.verdict) == (JoinedBy.UNREADABLE, Verdict.UNKNOWN)
    assert (old.verdict, old.stuck) == (Verdict.TOO_OLD, True)
    assert old.reason == "the workflow's runs could not be read, and it has been there for 1 h 20 min"


def test_no_job_ran_then_is_said_only_of_times_that_were_read() -> None:
    assert joined(builder(), read_since=at(5)).joined_by is JoinedBy.UNREADABLE
    assert joined(builder(), read_since=at(0)).joined_by is JoinedBy.NO_JOB


def test_the_run_is_told_only_where_one_alone_is_meant() -> None:
    item, other = run(7, job(1), job(2)), run(8, job(3))
    assert joined(builder(), item).run == item
    both = joined(builder(), item, other)
    assert (both.run, len(both.jobs), both.joined_by) == (None, 3, JoinedBy.ONE_OF_SEVERAL)


@pytest.mark.parametrize(
    ("start", "end", "counts"),
    [(3, None, True), (5, None, False), (-30, 1, True), (-30, -1, False), (None, None, False)],
)
def test_clocks_may_differ_by_two_minutes(start: float | None, end: float | None, counts: bool) -> None:
    assert bool(joined(builder(2), run(7, job(1, start, end))).jobs) is counts


def test_a_job_that_was_skipped_built_nothing() -> None:
    assert joined(builder(), run(7, job(1, 0, 10, State.SKIPPED))).joined_by is JoinedBy.NO_JOB


def test_a_job_that_ended_without_a_time_has_ended() -> None:
    result = joined(builder(), run(7, job(1, 0, None, State.FAILED)), now=30)
    assert (result.verdict, result.ended_at) == (Verdict.ENDED, at(0))


@pytest.mark.parametrize("changes", [{"protected": True}, {"state": "shutting-down"}])
def test_what_is_protected_or_going_is_not_stuck(changes: dict[str, Any]) -> None:
    result = joined(builder(run_id=7, **changes), run(7, job(1, 0, 10)), now=60)
    assert (result.verdict, result.stuck) == (Verdict.ENDED, False)


def test_a_clock_that_is_behind_makes_nothing_old() -> None:
    result = joined(builder(run_id=7), run(7, job(1, 0, 10)), now=-30)
    assert (result.verdict, result.stuck) == (Verdict.ENDING, False)


def test_the_likeliest_job_comes_first() -> None:
    validated = job(1, -5, 1, State.SUCCEEDED)
    beside = job(2, 0, 30, State.SUCCEEDED)
    died = job(3, 0, 30, State.CANCELLED)
    result = joined(TAGGED, run(7, validated, beside, died, state=State.CANCELLED, ended=30), now=60)
    assert [item.job_id for item in result.jobs] == [3, 2, 1]


def test_why_there_are_no_runs_is_said() -> None:
    (result,) = join([builder()], None, now=at(60), limits=LIMITS, unreadable="no workflow is configured")
    assert (result.joined_by, result.certainty) == (JoinedBy.UNREADABLE, "no workflow is configured")
    assert result.reason.startswith("no workflow is configured, and it has been there")
