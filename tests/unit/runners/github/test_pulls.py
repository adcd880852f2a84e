"""Pull requests found, opened once, checked and merged once, against GitHub's stand-in."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from runners.errors import AccessDeniedError, NotFoundError, RunnerError, UncertainError
from runners.github import GitHub, pulls
from runners.github.api.reads import CachedReads
from runners.results import PullRequest, PullState
from sandbox.github import DropConnectionError, GitHubError
from tests.unit.runners.conftest import Fault

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from sandbox.github import GitHubStandIn, Repository

APPLICATION = "PermanentOrg/application"
LOST = [GitHubError(502, "Bad Gateway"), DropConnectionError()]


def raising(error: Exception) -> Callable[[], object]:
    def act() -> object:
        raise error

    return act


@pytest.fixture
def repository(stand_in: GitHubStandIn) -> Repository:
    return stand_in.repository(APPLICATION)


@pytest.fixture
async def reader(stand_in: GitHubStandIn) -> AsyncIterator[GitHub]:
    client = GitHub(stand_in.url, token="ghp_reader", write_pause=0, read_pause=0.01)
    yield client
    await client.close()


async def open_it(github: GitHub, source: str = "dev", target: str = "staging") -> PullRequest | None:
    return await pulls.open_or_find(
        github, APPLICATION, source, target, title=f"Promote {source}", body="For a deploy."
    )


async def opened(github: GitHub) -> PullRequest:
    """One whose mergeability GitHub has worked out."""
    made = await open_it(github)
    assert made is not None
    async with asyncio.timeout(60):
        while made.mergeable is None:
            await asyncio.sleep(0.02)
            made = await pulls.read(CachedReads(github), APPLICATION, made.number)
    return made


async def merge(github: GitHub, pull: PullRequest) -> object:
    return await pulls.merge(github, pull, title="Promote dev to staging")


def writes(stand_in: GitHubStandIn) -> list[tuple[str, str]]:
    return [(request.method, request.path) for request in stand_in.requests if request.method != "GET"]


async def test_it_is_opened_once_and_found_again(github: GitHub, stand_in: GitHubStandIn) -> None:
    assert await pulls.find(CachedReads(github), APPLICATION, "dev", "staging") is None
    made = await open_it(github)
    assert made is not None
    assert (made.number, made.state, made.repository) == (1, PullState.OPEN, APPLICATION)
    assert made.head_sha == stand_in.repository(APPLICATION).graph.branches["dev"]
    assert made.url.endswith("/pull/1")
    result = await pulls.find(CachedReads(github), APPLICATION, "dev", "staging")
    assert result is not None
    assert result.number == 1
    again = await open_it(github)
    assert again is not None
    assert again.number == 1
    assert len(writes(stand_in)) == 1


@pytest.mark.parametrize("error", LOST, ids=str)
async def test_one_whose_answer_was_lost_is_found_and_not_opened_again(
    github: GitHub, stand_in: GitHubStandIn, error: Exception
) -> None:
    stand_in.on_request.append(Fault("POST", "/pulls", raising(error), phase="after"))
    with pytest.raises(UncertainError):
        await open_it(github)
    again = await open_it(github)
    assert again is not None
    assert len(stand_in.repository(APPLICATION).pulls.by_number) == len(writes(stand_in)) == 1


async def test_somebody_else_was_quicker(github: GitHub, stand_in: GitHubStandIn, repository: Repository) -> None:
    def quicker() -> None:
        repository.pulls.open("dev", "staging", title="By hand")

    stand_in.on_request.append(Fault("POST", "/pulls", quicker))
    result = await open_it(github)
    assert result is not None
    assert (result.number, len(repository.pulls.by_number)) == (1, 1)


async def test_nothing_to_merge_is_no_pull_request(github: GitHub) -> None:
    assert await open_it(github, "staging", "dev") is None


async def test_other_pull_requests_are_not_taken_for_it(github: GitHub, repository: Repository) -> None:
    repository.pulls.open("dev", "main", title="LinkedOperation")
    repository.pulls.open("staging", "main", title="LinkedOperation")
    assert await pulls.find(CachedReads(github), APPLICATION, "dev", "staging") is None


async def test_branches_and_repositories_that_are_not_there(github: GitHub) -> None:
    with pytest.raises(RunnerError):
        await open_it(github, "nowhere")
    with pytest.raises(NotFoundError):
        await pulls.find(CachedReads(github), "PermanentOrg/nothing", "dev", "staging")
    with pytest.raises(NotFoundError):
        await pulls.read(CachedReads(github), APPLICATION, 99)


async def test_without_the_permission_nothing_is_opened(reader: GitHub, repository: Repository) -> None:
    with pytest.raises(AccessDeniedError):
        await open_it(reader)
    assert not repository.pulls.by_number


async def test_it_is_merged_by_a_merge_commit_of_what_was_seen(github: GitHub, repository: Repository) -> None:
    pull = await opened(github)
    assert (pull.mergeable, pull.obstacle) == (True, "")
    target = repository.graph.branches["staging"]
    answer = await pulls.merge(github, pull, title="Promote dev to staging")
    assert answer.sha == repository.graph.branches["staging"]
    assert repository.graph.commits[answer.sha].parents == (target, pull.head_sha)
    assert repository.graph.commits[answer.sha].message.startswith("Promote dev to staging")
    now = await pulls.read(CachedReads(github), APPLICATION, pull.number)
    assert (now.state, now.merge_sha) == (PullState.MERGED, answer.sha)


@pytest.mark.parametrize("error", LOST, ids=str)
async def test_a_merge_whose_answer_was_lost_is_not_made_twice(
    github: GitHub, stand_in: GitHubStandIn, repository: Repository, error: Exception
) -> None:
    pull = await opened(github)
    stand_in.on_request.append(Fault("PUT", "/merge", raising(error), phase="after"))
    with pytest.raises(UncertainError):
        await merge(github, pull)
    merged = repository.graph.branches["staging"]
    now = await pulls.read(CachedReads(github), APPLICATION, pull.number)
    assert (now.state, now.merge_sha) == (PullState.MERGED, merged)
    again = await pulls.merge(github, pull, title="Again")
    assert again.sha == ""
    assert "not mergeable" in again.refusal
    assert repository.graph.branches["staging"] == merged


async def test_commits_that_came_later_are_not_merged_unseen(github: GitHub, repository: Repository) -> None:
    pull = await opened(github)
    repository.commit("dev", {"later": "1"}, "Come later")
    answer = await pulls.merge(github, pull, title="x")
    assert answer.moved
    assert "Head branch was modified" in answer.refusal


async def test_what_the_branch_demands_is_told_in_githubs_words(github: GitHub, repository: Repository) -> None:
    repository.protect("staging", required=["lint"], reviews=1)
    pull = await opened(github)
    assert pull.obstacle == "blocked"
    answer = await pulls.merge(github, pull, title="x")
    assert (answer.sha, answer.moved) == ("", False)
    assert 'Required status check "lint" is expected.' in answer.refusal
    assert "At least 1 approving review is required" in answer.refusal


async def test_a_repository_without_merge_commits_says_so(github: GitHub, repository: Repository) -> None:
    repository.pulls.methods = {"squash"}
    answer = await pulls.merge(github, await opened(github), title="x")
    assert "Merge commits are not allowed" in answer.refusal


async def test_a_conflict_is_no_way_through(github: GitHub, repository: Repository) -> None:
    repository.commit("staging", {"src/upload.php": "another way"}, "Go another way")
    pull = await opened(github)
    assert (pull.mergeable, pull.obstacle) == (False, "dirty")


async def test_drafts_and_closed_ones_are_told_apart(github: GitHub, repository: Repository) -> None:
    made = repository.pulls.open("dev", "staging", title="Not yet", draft=True)
    result = await pulls.find(CachedReads(github), APPLICATION, "dev", "staging")
    assert result is not None
    assert result.obstacle == "draft"
    repository.pulls.edit(made, "max-weber", title=None, body=None, state="closed")
    assert (await pulls.read(CachedReads(github), APPLICATION, made.number)).state is PullState.CLOSED
    assert await pulls.find(CachedReads(github), APPLICATION, "dev", "staging") is None


async def test_without_the_permission_nothing_is_merged(github: GitHub, reader: GitHub, repository: Repository) -> None:
    pull, before = await opened(github), repository.graph.branches["staging"]
    with pytest.raises(AccessDeniedError):
        await merge(reader, pull)
    assert repository.graph.branches["staging"] == before
