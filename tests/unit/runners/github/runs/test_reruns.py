"""Cancelling and rerunning, against GitHub's stand-in: asked for once, and never when it has happened already."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from runners.errors import AccessDeniedError, NotFoundError, RunnerError, UncertainError
from runners.github import GitHub
from runners.github.runs import reruns
from runners.results import State
from sandbox.github import DropConnectionError, GitHubError, GitHubStandIn
from tests.unit.runners.conftest import Fault

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.github.runs import Run

REPOSITORY = "PermanentOrg/infrastructure"
BUILD = "build-images.yml"
BAD_GATEWAY = GitHubError(502, "Bad Gateway")


def raising(error: Exception) -> Callable[[], object]:
    def act() -> object:
        raise error

    return act


def posts(stand_in: GitHubStandIn, end: str) -> int:
    return sum(request.method == "POST" and request.path.endswith(end) for request in stand_in.requests)


async def ended(run: Run) -> Run:
    async with asyncio.timeout(60):
        while not run.finished:  # noqa: ASYNC110  -- the stand-in's run sets no event
            await asyncio.sleep(0.01)
    return run


async def failed_run(stand_in: GitHubStandIn) -> Run:
    repository = stand_in.repository(REPOSITORY)
    repository.fail_next("deploy-dev.yml", job="cron", log=["no"])
    return await ended(repository.dispatch("deploy-dev.yml", "main"))


async def test_the_failed_jobs_run_again_in_the_next_attempt(github: GitHub, stand_in: GitHubStandIn) -> None:
    run = await failed_run(stand_in)
    assert await reruns.newest_attempt(github, REPOSITORY, run.run_id) == reruns.Attempt(
        1, State.FAILED, run.commit.sha
    )
    assert await reruns.rerun_failed(github, REPOSITORY, run.run_id, attempt=1) == 2
    assert run.attempt == 2
    assert (await reruns.newest_attempt(github, REPOSITORY, run.run_id)).number == 2


async def test_a_rerun_that_has_begun_is_not_asked_for_again(github: GitHub, stand_in: GitHubStandIn) -> None:
    run = await failed_run(stand_in)
    for _ in range(3):
        assert await reruns.rerun_failed(github, REPOSITORY, run.run_id, attempt=1) == 2
    assert posts(stand_in, "/rerun-failed-jobs") == 1
    await ended(run)
    assert await reruns.rerun_failed(github, REPOSITORY, run.run_id, attempt=1) == 2
    assert run.attempt == 2


@pytest.mark.parametrize("error", [BAD_GATEWAY, DropConnectionError()], ids=str)
async def test_a_rerun_without_an_answer_is_looked_for(
    github: GitHub, stand_in: GitHubStandIn, error: Exception
) -> None:
    run = await failed_run(stand_in)
    stand_in.on_request.append(Fault("POST", "/rerun-failed-jobs", raising(error), phase="after"))
    assert await reruns.rerun_failed(github, REPOSITORY, run.run_id, attempt=1, timeout=2) == 2
    assert (posts(stand_in, "/rerun-failed-jobs"), run.attempt) == (1, 2)


async def test_a_rerun_that_never_came_is_uncertain_and_not_repeated(github: GitHub, stand_in: GitHubStandIn) -> None:
    run = await failed_run(stand_in)
    stand_in.on_request.append(Fault("POST", "/rerun-failed-jobs", raising(BAD_GATEWAY)))
    with pytest.raises(UncertainError, match="may have happened"):
        await reruns.rerun_failed(github, REPOSITORY, run.run_id, attempt=1, timeout=0.2)
    assert (posts(stand_in, "/rerun-failed-jobs"), run.attempt) == (1, 1)


async def test_somebody_who_was_quicker_is_no_fault(github: GitHub, stand_in: GitHubStandIn) -> None:
    run = await failed_run(stand_in)

    def rerun_by_hand() -> None:
        stand_in.repository(REPOSITORY).rerun(run, failed_only=True, actor="max-weber")

    stand_in.on_request.append(Fault("POST", "/rerun-failed-jobs", rerun_by_hand))
    assert await reruns.rerun_failed(github, REPOSITORY, run.run_id, attempt=1) == 2
    assert run.attempt == 2


async def test_a_run_that_is_not_over_is_not_rerun(github: GitHub, stand_in: GitHubStandIn) -> None:
    repository = stand_in.repository(REPOSITORY)
    repository.hang_next("deploy-dev.yml", job="cron")
    run = repository.dispatch("deploy-dev.yml", "main")
    with pytest.raises(RunnerError):
        await reruns.rerun_failed(github, REPOSITORY, run.run_id, attempt=1)
    assert run.attempt == 1


async def test_a_cancelled_run_ends_and_is_cancelled_once(github: GitHub, stand_in: GitHubStandIn) -> None:
    repository = stand_in.repository(REPOSITORY)
    repository.hang_next("deploy-dev.yml", job="cron")
    run = repository.dispatch("deploy-dev.yml", "main")
    assert await reruns.cancel(github, REPOSITORY, run.run_id) is True
    await ended(run)
    assert run.conclusion == "cancelled"
    assert await reruns.cancel(github, REPOSITORY, run.run_id) is False
    assert posts(stand_in, "/cancel") == 1


async def test_a_stubborn_job_needs_force(github: GitHub, stand_in: GitHubStandIn) -> None:
    repository = stand_in.repository(REPOSITORY)
    repository.hang_next("deploy-dev.yml", job="cron", ignores_cancel=True)
    run = repository.dispatch("deploy-dev.yml", "main")
    assert await reruns.cancel(github, REPOSITORY, run.run_id) is True
    await asyncio.sleep(0.3)
    assert not run.finished
    assert await reruns.cancel(github, REPOSITORY, run.run_id, force=True) is True
    await ended(run)


async def test_a_run_that_ends_while_it_is_cancelled_is_over(github: GitHub, stand_in: GitHubStandIn) -> None:
    run = stand_in.repository(REPOSITORY).dispatch("deploy-dev.yml", "main")

    async def end_first(exchange: object) -> None:
        if getattr(exchange, "path", "").endswith("/cancel") and getattr(exchange, "phase", "") == "before":
            await ended(run)

    stand_in.on_request.append(end_first)
    assert await reruns.cancel(github, REPOSITORY, run.run_id) is False


async def test_a_cancel_without_an_answer_is_no_fault(github: GitHub, stand_in: GitHubStandIn) -> None:
    repository = stand_in.repository(REPOSITORY)
    repository.hang_next("deploy-dev.yml", job="cron")
    run = repository.dispatch("deploy-dev.yml", "main")
    stand_in.on_request.append(Fault("POST", "/cancel", raising(BAD_GATEWAY), phase="after"))
    assert await reruns.cancel(github, REPOSITORY, run.run_id) is True
    assert posts(stand_in, "/cancel") == 1


async def test_who_may_not_write_is_told_so(stand_in: GitHubStandIn) -> None:
    run = await failed_run(stand_in)
    reader = GitHub(stand_in.url, token="ghp_reader", write_pause=0, read_pause=0.01)
    with pytest.raises(AccessDeniedError):
        await reruns.rerun_failed(reader, REPOSITORY, run.run_id, attempt=1)
    await reader.close()


async def test_a_run_that_is_not_there_is_not_found(github: GitHub) -> None:
    for ask in (
        reruns.newest_attempt(github, REPOSITORY, 7),
        reruns.cancel(github, REPOSITORY, 7),
        reruns.rerun_failed(github, REPOSITORY, 7, attempt=1),
    ):
        with pytest.raises(NotFoundError):
            await ask
