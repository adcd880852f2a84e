"""Which failed jobs run again without a click, and the rate limits that are named."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from handlers.build.automatic_reruns import may_rerun, rate_limits_of
from handlers.build.followed_build import FollowedBuild
from runners.results import Job, State
from tests.unit.handlers.build.followed import (
    CONFIG,
    DONE,
    LIMITED,
    OTHER,
    SIBLING,
    job,
    operation,
    run,
)


@pytest.mark.parametrize(
    ("jobs", "state", "changed", "expected"),
    [
        ([LIMITED, DONE], State.FAILED, {}, True),
        ([LIMITED, SIBLING, DONE], State.FAILED, {}, True),
        ([LIMITED, OTHER], State.FAILED, {}, False),
        ([OTHER], State.FAILED, {}, False),
        ([SIBLING], State.CANCELLED, {}, False),
        ([LIMITED, SIBLING], State.CANCELLED, {}, False),
        ([LIMITED, replace(OTHER, state=State.UNKNOWN)], State.FAILED, {}, False),
        ([DONE], State.SUCCEEDED, {}, False),
        ([], State.FAILED, {}, False),
        ([LIMITED], State.FAILED, {"reruns": 2}, False),
        ([LIMITED], State.FAILED, {"reruns": 1}, True),
        ([LIMITED], State.FAILED, {"cancelled_by": "U0LEE"}, False),
    ],
)
def test_only_what_failed_for_a_rate_limit_alone_runs_again(
    jobs: list[Job], state: State, changed: dict[str, Any], expected: bool
) -> None:
    build = FollowedBuild(operation(), 5, limited={LIMITED.job_id: "RequestLimitExceeded"}, **changed)
    assert CONFIG.images
    assert may_rerun(build, run(*jobs, state=state), CONFIG.images.rerun) is expected


def test_the_first_jobs_are_named_with_what_they_were_refused_for() -> None:
    names = ("build (cron, dev)", "build (backend, dev)", "build (backend, prod)", "notify", "lint")
    jobs = [job(name, State.FAILED, number) for number, name in enumerate(names)]
    text = "api error RequestLimitExceeded: Request limit exceeded."
    build = FollowedBuild(operation(), 5, limited=dict.fromkeys(range(len(names)), text))
    assert CONFIG.images
    rules = CONFIG.images.rerun
    assert rate_limits_of(build, run(jobs[0]), rules) == "cron dev: `RequestLimitExceeded`"
    four = rate_limits_of(build, run(*jobs), rules)
    assert four.startswith("cron dev: `RequestLimitExceeded`, backend dev: ")
    assert four.endswith("backend prod: `RequestLimitExceeded`, and 2 more")
