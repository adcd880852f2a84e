"""What an operation records of its run: which logs are read, what is carried over from earlier attempts."""

from __future__ import annotations

from dataclasses import replace

import pytest

from handlers.build.followed_build import FollowedBuild
from handlers.build.matrix_cells import Annotation
from runners.results import State
from tests.unit.handlers.build.followed import (
    DONE,
    job,
    operation,
    run,
)


def test_jobs_are_read_once_in_the_order_of_their_ids_and_cancelled_ones_never() -> None:
    build = FollowedBuild(operation(), 5)
    observed = run(
        job("build (cron, dev)", State.SUCCEEDED, 9),
        job("build (backend, dev)", State.FAILED, 4),
        job("build (backend, prod)", State.CANCELLED, 3),
        job("notify", State.SKIPPED, 2),
        job("slow", State.RUNNING, 1),
    )
    order = []
    while result := build.next_to_read(observed):
        order.append(result.job_id)
        build.record(result, Annotation(), "")
    assert order == [4, 9]


@pytest.mark.parametrize("carried_id", [9, 109], ids=["kept", "copied under a new id"])
def test_a_job_that_is_carried_over_is_not_read_again_and_keeps_what_was_known(carried_id: int) -> None:
    build = FollowedBuild(operation(), 5)
    good, bad = job("build (cron, dev)", State.SUCCEEDED, 9), job("build (backend, dev)", State.FAILED, 4)
    build.record(good, Annotation(image="ami-1", suspect=True), "")
    build.record(bad, Annotation(), "RequestLimitExceeded")
    build.next_attempt(run(good, bad, state=State.FAILED))
    again = job("build (backend, dev)", State.SUCCEEDED, 110, began=20, ended=31)
    observed = run(replace(good, job_id=carried_id), again, attempt=2)
    assert build.attempt == 2
    unreadable = build.next_to_read(observed)
    assert unreadable == again
    annotations = build.matrix(observed).annotations
    assert annotations[carried_id] == Annotation(image="ami-1", suspect=True)
    assert annotations[110] == Annotation(reruns=1)


def test_images_of_the_attempt_before_stay_although_github_lists_only_what_runs_again() -> None:
    build = FollowedBuild(operation(), 5)
    good, bad = job("build (cron, dev)", State.SUCCEEDED, 9), job("build (backend, dev)", State.FAILED, 4)
    build.record(good, Annotation(image="ami-1"), "")
    build.next_attempt(run(good, bad, state=State.FAILED))
    matrix = build.matrix(run(job("build (backend, dev)", State.RUNNING, 110, began=20), attempt=2))
    assert {place: item.job_id for place, item in matrix.grid.cells.items()} == {
        ("backend", "dev"): 110,
        ("cron", "dev"): 9,
    }
    assert matrix.annotations[9].image == "ami-1"


def test_a_green_job_that_mentions_a_rate_limit_did_not_fail_for_it() -> None:
    build = FollowedBuild(operation(), 5)
    build.record(DONE, Annotation(), "RequestLimitExceeded, trying again")
    assert not build.limited
