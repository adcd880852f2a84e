"""A workflow is dispatched once, and its run is found."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from runners.errors import AccessDeniedError, NotFoundError, RunnerError, UnavailableError, UncertainError
from runners.github import GitHub, commits
from runners.github.runs import dispatch, logs
from sandbox.github import BOT_LOGIN, DropConnectionError, GitHubError, GitHubStandIn, sandbox_repositories
from tests.unit.runners.conftest import TOKEN, Fault

if TYPE_CHECKING:
    from collections.abc import Callable

REPOSITORY = "PermanentOrg/infrastructure"

DEPLOY = "deploy-staging.yml"


def raising(error: Exception) -> Callable[[], object]:
    def act() -> object:
        raise error

    return act


def posts(stand_in: GitHubStandIn) -> int:
    return sum(request.method == "POST" for request in stand_in.requests)


async def test_a_dispatch_tells_its_run(github: GitHub, stand_in: GitHubStandIn) -> None:
    assert await dispatch.newest_run_id(github, REPOSITORY, DEPLOY) == 0
    run_id = await dispatch.dispatch(github, REPOSITORY, DEPLOY, "staging")
    assert run_id in stand_in.repository(REPOSITORY).runs
    assert posts(stand_in) == 1
    await asyncio.sleep(0.4)
    assert await dispatch.newest_run_id(github, REPOSITORY, DEPLOY) == run_id


async def test_an_enterprise_server_that_does_not_tell_the_run_is_asked_without() -> None:
    server = GitHubStandIn(token=TOKEN, repositories=sandbox_repositories(), speed=200, enterprise=True)
    await server.start()
    client = GitHub(server.url, token=TOKEN, write_pause=0)
    assert await dispatch.dispatch(client, REPOSITORY, DEPLOY, "main") is None
    assert len(server.repository(REPOSITORY).runs) == 1
    with pytest.raises(NotFoundError, match="no such branch"):
        await dispatch.dispatch(client, REPOSITORY, DEPLOY, "nothing")
    await client.close()
    await server.stop()


@pytest.mark.parametrize(
    "error", [GitHubError(502, "Bad Gateway"), GitHubError(500, "Oops"), DropConnectionError()], ids=str
)
async def test_a_dispatch_without_an_answer_is_never_repeated_and_can_be_found(
    github: GitHub, stand_in: GitHubStandIn, error: Exception
) -> None:
    commit = await commits.resolve(github, REPOSITORY, "staging")
    baseline = await dispatch.newest_run_id(github, REPOSITORY, DEPLOY)
    stand_in.on_request.append(Fault("POST", "/dispatches", raising(error), phase="after"))
    with pytest.raises(UncertainError, match="may have happened"):
        await dispatch.dispatch(github, REPOSITORY, DEPLOY, "staging")
    assert posts(stand_in) == 1
    assert await find(github, sha=commit.sha, after=baseline) == list(stand_in.repository(REPOSITORY).runs)


async def find(github: GitHub, *, sha: str = "", after: int = 0, mark: str = "") -> list[int]:
    """The runs that may be ours, once GitHub's list no longer lags."""
    await asyncio.sleep(0.4)
    runs = await dispatch.started_runs(
        github, REPOSITORY, DEPLOY, ref="staging", head_sha=sha, after_run_id=after, mark=mark
    )
    return [run.run_id for run in runs]


async def test_a_dispatch_that_never_arrived_is_not_found(github: GitHub, stand_in: GitHubStandIn) -> None:
    stand_in.on_request.append(Fault("POST", "/dispatches", raising(DropConnectionError())))
    with pytest.raises(UncertainError):
        await dispatch.dispatch(github, REPOSITORY, DEPLOY, "staging")
    assert await find(github) == []


async def test_runs_of_others_of_other_refs_and_claimed_ones_are_not_ours(
    github: GitHub, stand_in: GitHubStandIn
) -> None:
    repository = stand_in.repository(REPOSITORY)
    repository.dispatch(DEPLOY, "staging", actor="lee-park")
    repository.dispatch(DEPLOY, "main", actor=BOT_LOGIN)
    repository.dispatch("deploy-dev.yml", "staging", actor=BOT_LOGIN)
    older = repository.dispatch(DEPLOY, "staging", actor=BOT_LOGIN)
    assert await find(github, after=older.run_id) == []
    ours = repository.dispatch(DEPLOY, "staging", actor=BOT_LOGIN)
    assert await find(github, after=older.run_id) == [ours.run_id]


async def test_runs_at_the_resolved_commit_come_first_and_those_of_a_moved_branch_are_among_them(
    github: GitHub, stand_in: GitHubStandIn
) -> None:
    repository = stand_in.repository(REPOSITORY)
    before = repository.dispatch(DEPLOY, "staging", actor=BOT_LOGIN)
    repository.commit("staging", {"moved.txt": "on\n"}, "Move the branch")
    after = repository.dispatch(DEPLOY, "staging", actor=BOT_LOGIN)
    assert await find(github, sha=before.commit.sha) == [before.run_id, after.run_id]
    assert await find(github, sha=after.commit.sha) == [after.run_id, before.run_id]


MARKED = """
name: Deploy
run-name: {run_name}
on: {{workflow_dispatch: {{inputs: {{mark: {{}}}}}}}}
jobs:
  deploy: {{name: "{job}", runs-on: ubuntu-latest, steps: [{{run: make}}]}}
"""


@pytest.mark.parametrize(
    ("run_name", "job"), [("'Deploy ${{ inputs.mark }}'", "deploy"), ("Deploy", "deploy for ${{ inputs.mark }}")]
)
async def test_only_runs_that_bear_the_mark_in_a_name_are_ours(
    github: GitHub, stand_in: GitHubStandIn, run_name: str, job: str
) -> None:
    repository = stand_in.repository(REPOSITORY)
    text = MARKED.format(run_name=run_name, job=job)
    for branch in ("main", "staging"):
        repository.commit(branch, {f".github/workflows/{DEPLOY}": text}, "Show the mark")
    runs = {
        mark: repository.dispatch(DEPLOY, "staging", {"mark": mark}, actor=BOT_LOGIN).run_id
        for mark in ("signalbox-4-17", "signalbox-42-17", "signalbox-4-171", "")
    }
    assert await find(github, mark="signalbox-4-17") == [runs["signalbox-4-17"]]
    assert await find(github, mark="signalbox-42-17") == [runs["signalbox-42-17"]]
    assert await find(github, mark="signalbox-2-17") == []


@pytest.mark.parametrize(
    ("workflow", "ref", "inputs", "refusal"),
    [
        ("nothing.yml", "main", {}, (NotFoundError, "there is no workflow nothing.yml")),
        (DEPLOY, "nowhere", {}, (NotFoundError, "No ref found for: nowhere")),
        (DEPLOY, "main", {"colour": "blue"}, (RunnerError, "Unexpected inputs")),
        ("checks.yml", "main", {}, (RunnerError, "'workflow_dispatch' trigger")),
    ],
)
async def test_a_refused_dispatch_says_what_github_says(
    github: GitHub, workflow: str, ref: str, inputs: dict[str, str], refusal: tuple[type[RunnerError], str]
) -> None:
    kind, words = refusal
    with pytest.raises(kind) as caught:
        await dispatch.dispatch(github, REPOSITORY, workflow, ref, inputs)
    assert words in caught.value.problem
    assert caught.value.remedy
    assert workflow in caught.value.doing


async def test_a_token_that_may_not_write_is_denied(stand_in: GitHubStandIn) -> None:
    github = GitHub(stand_in.url, token="ghp_reader")
    with pytest.raises(AccessDeniedError, match="forbids") as caught:
        await dispatch.dispatch(github, REPOSITORY, DEPLOY, "main")
    assert "permission" in caught.value.remedy
    await github.close()


async def test_a_token_that_is_wrong_is_denied_and_never_shown(stand_in: GitHubStandIn) -> None:
    github = GitHub(stand_in.url, token="ghp_wrong_canary", read_pause=0)
    for call in (
        commits.resolve(github, REPOSITORY, "main"),
        dispatch.newest_run_id(github, REPOSITORY, DEPLOY),
        logs.job_log_tail(github, REPOSITORY, 1),
    ):
        with pytest.raises(AccessDeniedError, match="credentials") as caught:
            await call
        assert "canary" not in repr(caught.value) + repr(caught.value.__dict__)
    await github.close()


async def test_the_rate_limit_names_the_time_when_it_ends(github: GitHub, stand_in: GitHubStandIn) -> None:
    stand_in.rate_limit.limit = 0
    for call in (commits.resolve(github, REPOSITORY, "main"), dispatch.newest_run_id(github, REPOSITORY, DEPLOY)):
        with pytest.raises(UnavailableError, match="rate limit") as caught:
            await call
        assert caught.value.retry_at
        assert caught.value.retry_at > datetime.now(UTC)
    with pytest.raises(UnavailableError, match="rate limit") as caught:
        await dispatch.dispatch(github, REPOSITORY, DEPLOY, "main")
    assert not isinstance(caught.value, UncertainError)


@pytest.mark.parametrize(
    "error",
    [
        GitHubError(502, "Bad Gateway"),
        DropConnectionError(),
        GitHubError(403, "You have exceeded a secondary rate limit", headers={"Retry-After": "0"}),
        GitHubError(429, "Too Many Requests", headers={"Retry-After": "1"}),
    ],
    ids=str,
)
async def test_reads_are_tried_again(github: GitHub, stand_in: GitHubStandIn, error: Exception) -> None:
    stand_in.on_request.append(Fault("GET", "/commits/", raising(error), times=2))
    assert (await commits.resolve(github, REPOSITORY, "main")).sha
    stand_in.on_request.append(Fault("GET", "/runs", raising(error), times=2))
    assert await dispatch.newest_run_id(github, REPOSITORY, DEPLOY) == 0
