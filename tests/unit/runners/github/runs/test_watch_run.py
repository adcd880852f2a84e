"""Watching runs over HTTP: conditional requests, shared pollers, outages, failing jobs."""

from __future__ import annotations

import asyncio
import itertools
from typing import TYPE_CHECKING

import pytest

from runners.errors import AccessDeniedError, NotFoundError, RunnerError, UnavailableError
from runners.github import GitHub, commits
from runners.github.runs import dispatch, logs, poller
from runners.results import State, WorkflowRun
from sandbox.github import DropConnectionError, GitHubError, GitHubStandIn
from tests.unit.runners.conftest import TOKEN, Fault

if TYPE_CHECKING:
    from collections.abc import Callable


REPOSITORY = "PermanentOrg/infrastructure"


DEPLOY = "deploy-staging.yml"


def raising(error: Exception) -> Callable[[], object]:
    def act() -> object:
        raise error

    return act


async def all_of(
    github: GitHub, run_id: int, interval: float = 0.05, *, outage_timeout: float = 900
) -> list[WorkflowRun]:
    watching = poller.watch_run(github, REPOSITORY, run_id, interval=interval, outage_timeout=outage_timeout)
    async with asyncio.timeout(60):
        return [run async for run in watching]


async def test_a_run_is_followed_to_its_end(github: GitHub, stand_in: GitHubStandIn) -> None:
    run_id = await dispatch.dispatch(github, REPOSITORY, DEPLOY, "staging")
    assert run_id
    observed = await all_of(github, run_id)
    assert [run.state.ended for run in observed] == [False] * (len(observed) - 1) + [True]
    last = observed[-1]
    assert last.state is State.SUCCEEDED
    assert {job.name for job in last.jobs} == {f"deploy ({name})" for name in ("backend", "cron", "taskrunner", "sftp")}
    assert all(job.state is State.SUCCEEDED and job.started_at and job.ended_at for job in last.jobs)
    assert last.ended_at == max(job.ended_at for job in last.jobs if job.ended_at)
    assert State.RUNNING in {run.state for run in observed}
    assert all(item != other for item, other in itertools.pairwise(observed))


async def test_looking_again_is_conditional_and_shared_by_all_who_watch(
    github: GitHub, stand_in: GitHubStandIn
) -> None:
    stand_in.repository(REPOSITORY).hang_next(DEPLOY, job="cron")
    run_id = await dispatch.dispatch(github, REPOSITORY, DEPLOY, "staging")
    assert run_id
    before = len(stand_in.requests)
    watching = [asyncio.create_task(all_of(github, run_id, 0.2)) for _ in range(5)]
    await asyncio.sleep(1.5)
    looks = list(stand_in.requests)[before:]
    assert len(looks) <= 2 * 9
    assert sum(look.status == 304 for look in looks) >= 4
    assert all(look.conditional for look in looks[2:])
    repository = stand_in.repository(REPOSITORY)
    await repository.cancel(repository.runs[run_id])
    ends = [(await item)[-1] for item in watching]
    assert {end.state for end in ends} == {State.CANCELLED}
    assert len({id(github.pollers[REPOSITORY])}) == len(github.pollers)


async def test_two_runs_are_watched_side_by_side(github: GitHub) -> None:
    ids = [await dispatch.dispatch(github, REPOSITORY, DEPLOY, "staging") for _ in range(2)]
    ends = await asyncio.gather(*(all_of(github, run_id) for run_id in ids if run_id))
    assert [end[-1].run_id for end in ends] == ids


async def test_who_stops_watching_stops_the_looking(github: GitHub, stand_in: GitHubStandIn) -> None:
    stand_in.repository(REPOSITORY).hang_next(DEPLOY, job="cron")
    run_id = await dispatch.dispatch(github, REPOSITORY, DEPLOY, "staging")
    assert run_id
    watching = asyncio.create_task(all_of(github, run_id))
    await asyncio.sleep(0.3)
    watching.cancel()
    with pytest.raises(asyncio.CancelledError):
        await watching
    await asyncio.sleep(0.2)
    before = len(stand_in.requests)
    await asyncio.sleep(0.4)
    assert len(stand_in.requests) == before


async def test_a_failed_job_names_its_step_and_its_log_tells_why(github: GitHub, stand_in: GitHubStandIn) -> None:
    lines = [f"line {number}" for number in range(50)]
    stand_in.repository(REPOSITORY).fail_next(DEPLOY, job="cron", step="Run playbook", log=[*lines, "no such host"])
    run_id = await dispatch.dispatch(github, REPOSITORY, DEPLOY, "staging")
    assert run_id
    last = (await all_of(github, run_id))[-1]
    assert last.state is State.FAILED
    failed = next(job for job in last.failed_jobs if job.name == "deploy (cron)")
    assert failed.failing_step == "Run playbook"
    tail = await logs.job_log_tail(github, REPOSITORY, failed.job_id, lines=10)
    assert len(tail.splitlines()) == 10
    assert "no such host" in tail
    assert tail.splitlines()[-1].startswith("Error: ")
    assert "2026-" not in tail


async def test_a_job_without_a_log_has_an_empty_tail(github: GitHub, stand_in: GitHubStandIn) -> None:
    stand_in.repository(REPOSITORY).hang_next(DEPLOY, job="cron")
    run_id = await dispatch.dispatch(github, REPOSITORY, DEPLOY, "staging")
    assert run_id
    first = await anext(aiter(poller.watch_run(github, REPOSITORY, run_id, interval=0.05)))
    assert await logs.job_log_tail(github, REPOSITORY, first.jobs[0].job_id) == ""
    assert await logs.job_log_tail(github, REPOSITORY, 1) == ""


async def test_watching_outlives_an_outage(github: GitHub, stand_in: GitHubStandIn) -> None:
    run_id = await dispatch.dispatch(github, REPOSITORY, DEPLOY, "staging")
    assert run_id
    faults = itertools.cycle([GitHubError(502, "Bad Gateway"), DropConnectionError(), GitHubError(503, "Busy")])

    def act() -> object:
        raise next(faults)

    stand_in.on_request.append(Fault("GET", f"/runs/{run_id}", act, times=20))
    assert (await all_of(github, run_id))[-1].state is State.SUCCEEDED


async def test_watching_ends_when_the_outage_lasts(github: GitHub, stand_in: GitHubStandIn) -> None:
    run_id = await dispatch.dispatch(github, REPOSITORY, DEPLOY, "staging")
    assert run_id
    stand_in.on_request.append(Fault("GET", "/runs/", raising(GitHubError(502, "Bad Gateway")), times=10_000))
    with pytest.raises(UnavailableError, match="502"):
        await all_of(github, run_id, outage_timeout=0.5)


async def test_watching_a_run_that_is_not_there_ends(github: GitHub) -> None:
    with pytest.raises(NotFoundError):
        await all_of(github, 42, 0.02)


async def test_watching_with_a_refused_token_ends(stand_in: GitHubStandIn) -> None:
    github = GitHub(stand_in.url, token="ghp_wrong")
    with pytest.raises(AccessDeniedError):
        await all_of(github, 42)
    await github.close()


async def test_watching_an_answer_that_makes_no_sense_ends(github: GitHub, monkeypatch: pytest.MonkeyPatch) -> None:
    async def nonsense(*_: object, **__: object) -> object:
        raise KeyError("total_count")

    monkeypatch.setattr(github, "get", nonsense)
    with pytest.raises(RunnerError, match="makes no sense"):
        await all_of(github, 42)


async def test_the_token_goes_into_no_recorded_address(github: GitHub, stand_in: GitHubStandIn) -> None:
    await commits.resolve(github, REPOSITORY, "main")
    assert all(TOKEN not in request.path + repr(request.query) for request in stand_in.requests)
