"""What an operation does next about its run: cancel, read a log, end."""

from __future__ import annotations

from typing import cast

import pytest

from handlers.build.followed_build import FollowedBuild
from handlers.build.follower import Action, Follower, NextAction
from handlers.build.matrix_cells import Annotation
from handlers.shared.run_stop import FORCE_AFTER
from runners.errors import UnavailableError
from runners.results import State, WorkflowRun
from tests.unit.handlers.build.followed import (
    LIMITED,
    SIBLING,
    Operations,
    job,
    operation,
    run,
)


async def upcoming(build: FollowedBuild, observed: WorkflowRun) -> NextAction | None:
    return await Follower(build)._next_action(observed)


async def test_a_cancel_comes_before_logs_and_logs_before_the_end() -> None:
    build = FollowedBuild(operation(), 5)
    operations = cast("Operations", build.operation.services.operations)
    going = run(LIMITED, job("slow", State.RUNNING, 8))
    operations.person = "U0LEE"
    result = await upcoming(build, going)
    assert result
    assert (result.action, result.person, result.run.jobs) == (Action.CANCEL, "U0LEE", ())
    build.cancelled_by, build.cancelled_at = "U0LEE", build.operation.services.clock()
    result = await upcoming(build, going)
    assert result
    assert (result.action, result.job, result.run.jobs) == (Action.READ, LIMITED, ())
    build.record(LIMITED, Annotation(), "")
    assert await upcoming(build, going) is None
    result = await upcoming(build, run(LIMITED, state=State.CANCELLED))
    assert result
    assert (result.action, result.run.jobs) == (Action.END, (LIMITED,))


async def test_a_run_that_does_not_end_when_cancelled_is_ended_by_force_once() -> None:
    build = FollowedBuild(operation(), 5, cancelled_by="U0LEE")
    going = run(job("slow", State.RUNNING, 8))
    build.cancelled_at = build.operation.services.clock() - FORCE_AFTER + 1
    assert await upcoming(build, going) is None
    build.cancelled_at -= 2
    result = await upcoming(build, going)
    assert result
    assert result.action is Action.FORCE
    build.forced = True
    assert await upcoming(build, going) is None


async def test_a_cancel_after_the_end_changes_nothing() -> None:
    build = FollowedBuild(operation(), 5)
    cast("Operations", build.operation.services.operations).person = "U0LEE"
    result = await upcoming(build, run(SIBLING, state=State.FAILED))
    assert result
    assert result.action is Action.END


async def test_an_error_of_watching_is_raised_where_news_are_awaited() -> None:
    follower = Follower(FollowedBuild(operation(), 5))
    follower._error = UnavailableError("watching", "GitHub cannot be reached")
    with pytest.raises(UnavailableError):
        await follower.next()
