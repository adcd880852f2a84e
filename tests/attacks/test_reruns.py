"""A run that somebody started on GitHub at a ref of their own: Signalbox follows it, and never runs its code again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sandbox.github.seed import BUILD_SOME
from tests.scenarios.acting import clicks, infrastructure, shows, types
from tests.scenarios.test_build import PATH, posts

if TYPE_CHECKING:
    from tests.scenarios.conftest import StartWorld

WORKFLOW = "build-images.yml"
ONE = {"machines": "cron", "environments": "dev"}
# The configured ref alone is allowed; what is followed are runs that somebody starts on GitHub.
GUARDED: dict[str, Any] = {"speed": 200.0, "webhooks": True, "config": {'  refs: {allow: ["build-*"]}\n': ""}}
RERUN = "/rerun-failed-jobs"


async def test_the_code_of_a_ref_that_is_not_allowed_is_not_run_again_by_a_click(start_world: StartWorld) -> None:
    world = await start_world(**GUARDED)
    repository = infrastructure(world)
    repository.fail_next(WORKFLOW, job="cron, dev")
    run = repository.dispatch(WORKFLOW, BUILD_SOME, ONE, actor="mallory")
    failed = await shows(world, "#ops", f"Build images, run {run.number}", ":x:", "Rerun failed")
    await clicks(world, "lee", failed, "Rerun failed")
    refused = await shows(world, "#ops", "Rerun the failed jobs of #1", "could not be run again")
    for piece in (run.commit.short, "images.refs does not allow it", "/build"):
        assert piece in refused.rendered
    assert (run.attempt, posts(world, RERUN)) == (1, 0)


async def test_a_log_that_names_a_rate_limit_does_not_run_such_code_again(start_world: StartWorld) -> None:
    config = {**GUARDED["config"], "  rerun: {wait: 3s}\n": "  rerun: {wait: 1s}\n"}
    world = await start_world(**{**GUARDED, "config": config})
    repository = infrastructure(world)
    repository.fail_next(WORKFLOW, job="cron, dev", log=["api error RequestLimitExceeded: Request limit exceeded."])
    run = repository.dispatch(WORKFLOW, BUILD_SOME, ONE, actor="mallory")
    await shows(world, "#ops", f"Build images, run {run.number}", ":x:", "could not be run again", "images.refs")
    assert (run.attempt, posts(world, RERUN)) == (1, 0)


@pytest.mark.slow("three attempts of a run")
async def test_a_run_whose_code_was_approved_is_run_again(start_world: StartWorld) -> None:
    world = await start_world(**GUARDED)
    repository = infrastructure(world)
    assert PATH in repository.graph.resolve(BUILD_SOME).files
    repository.fail_next(WORKFLOW, job="cron, dev")
    await types(world, "ana", "#ops", f"/build cron dev {BUILD_SOME}")
    ask = await shows(world, "#ops", "#1 ", "Waiting for approval")
    await clicks(world, "lee", ask, "approve")
    failed = await shows(world, "#ops", "#1 ", ":x:", "Rerun failed")
    await clicks(world, "lee", failed, "Rerun failed")
    await shows(world, "#ops", "#2 Rerun the failed jobs of #1", ":white_check_mark:")
    assert posts(world, RERUN) == 1
