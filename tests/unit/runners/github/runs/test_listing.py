"""What ran since some time, with every attempt's jobs; and nobody asks for more than is read."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from runners.errors import NotFoundError
from runners.github.runs import listing, reruns
from runners.github.runs.listing import RunList
from runners.results import State
from sandbox.github import GitHubStandIn, sandbox_repositories
from tests.unit.runners.conftest import TOKEN
from tests.unit.runners.github.runs.test_reruns import REPOSITORY, ended, failed_run

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from runners.github import GitHub

DEPLOY = "deploy-dev.yml"
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


@pytest.fixture
async def stand_in() -> AsyncIterator[GitHubStandIn]:
    """Lists a run as soon as it is there."""
    server = GitHubStandIn(token=TOKEN, repositories=sandbox_repositories(), speed=200, listing_lag=0)
    await server.start()
    yield server
    await server.stop()


async def test_a_run_comes_with_the_jobs_of_all_its_attempts(github: GitHub, stand_in: GitHubStandIn) -> None:
    run = await failed_run(stand_in)
    first = await listing.run_with_jobs(github, REPOSITORY, run.run_id)
    await reruns.rerun_failed(github, REPOSITORY, run.run_id, attempt=1)
    await ended(run)
    both = await listing.run_with_jobs(github, REPOSITORY, run.run_id)
    assert first
    assert both
    assert (first.attempt, both.attempt) == (1, 2)
    assert {job.job_id for job in first.jobs} < {job.job_id for job in both.jobs}
    assert [job.state for job in both.jobs if job.name.endswith("(cron)")] == [State.FAILED, State.SUCCEEDED]
    assert both.ended_at == max(job.ended_at for job in both.jobs if job.ended_at)
    assert both in await listing.runs_since(github, REPOSITORY, DEPLOY, LONG_AGO)


async def test_only_what_was_created_since_then_is_listed(github: GitHub, stand_in: GitHubStandIn) -> None:
    run = await failed_run(stand_in)
    later = datetime.now(UTC) + timedelta(days=300)
    assert run.run_id in [item.run_id for item in await listing.runs_since(github, REPOSITORY, DEPLOY, LONG_AGO)]
    assert await listing.runs_since(github, REPOSITORY, DEPLOY, later) == ()


async def test_no_more_pages_are_asked_for_than_are_wanted(
    github: GitHub, stand_in: GitHubStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        await failed_run(stand_in)
    monkeypatch.setattr("runners.github.runs.listing.PER_PAGE", 1)
    runs = await RunList(github, REPOSITORY, DEPLOY, most=2).created_since(LONG_AGO)
    assert len(runs or ()) == 2
    listed = [request for request in stand_in.requests if request.path.endswith("/runs") and "created" in request.query]
    assert len(listed) == 2


async def test_the_runs_under_way_are_listed(github: GitHub, stand_in: GitHubStandIn) -> None:
    assert await listing.unfinished_runs(github, REPOSITORY, "deploy-dev.yml") == ()
    await failed_run(stand_in)
    repository = stand_in.repository(REPOSITORY)
    repository.hang_next("deploy-dev.yml", job="cron")
    run = repository.dispatch("deploy-dev.yml", "main", actor="max-weber")
    await asyncio.sleep(0.4)
    result = await listing.unfinished_runs(github, REPOSITORY, "deploy-dev.yml")
    assert [(item.run_id, item.number, item.actor) for item in result] == [(run.run_id, 2, "max-weber")]
    with pytest.raises(NotFoundError):
        await listing.unfinished_runs(github, REPOSITORY, "none.yml")
