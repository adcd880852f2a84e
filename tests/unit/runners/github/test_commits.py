"""Refs resolve to commits and can be compared; unsafe names never become part of a URL."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from runners.errors import NotFoundError, RunnerError
from runners.github import GitHub, commits
from runners.github.api.reads import CachedReads
from runners.github.runs import dispatch

if TYPE_CHECKING:
    from runners.results import Difference
    from sandbox.github import GitHubStandIn

APPLICATION = "PermanentOrg/application"
REPOSITORY = "PermanentOrg/infrastructure"
DEPLOY = "deploy-staging.yml"


async def between(github: GitHub, base: str, head: str, **more: bool) -> Difference:
    return await commits.difference(CachedReads(github), APPLICATION, base, head, **more)


async def test_what_a_branch_has_more_is_told_newest_first(github: GitHub) -> None:
    result = await between(github, "staging", "dev")
    assert (result.ahead, result.behind) == (3, 0)
    assert [commit.subject for commit in result.commits] == [
        "Store when a link expires",
        "Let links expire",
        "Resume an upload that was cut off",
    ]
    assert result.lost == ()
    assert "/compare/" in result.url


async def test_what_it_lacks_is_told_too(github: GitHub) -> None:
    result = await between(github, "dev", "staging")
    assert (result.ahead, result.behind, result.commits) == (0, 3, ())
    assert result.lost[0].subject == "Store when a link expires"
    assert (await between(github, "dev", "staging", lost=False)).lost == ()


async def test_branches_that_went_apart_have_both(github: GitHub, stand_in: GitHubStandIn) -> None:
    stand_in.repository(APPLICATION).commit("staging", {"a": "b"}, "Fix it in staging")
    result = await between(github, "staging", "dev")
    assert (result.ahead, result.behind) == (3, 1)
    assert [commit.subject for commit in result.lost] == ["Fix it in staging"]


@pytest.mark.parametrize("count", [100, 101, 102, 260])
async def test_of_many_commits_the_newest_are_told(github: GitHub, stand_in: GitHubStandIn, count: int) -> None:
    repository = stand_in.repository(APPLICATION)
    repository.graph.branch("many", "dev")
    for number in range(count):
        repository.commit("many", {"n": str(number)}, f"Change {number}")
    result = await between(github, "dev", "many")
    assert result.ahead == count
    assert [commit.subject for commit in result.commits] == [f"Change {count - 1 - n}" for n in range(commits.NEWEST)]


async def test_a_commit_that_is_gone_is_not_found(github: GitHub) -> None:
    with pytest.raises(NotFoundError):
        await between(github, "0123456789012345678901234567890123456789", "dev")


async def test_the_same_is_no_difference(github: GitHub) -> None:
    result = await between(github, "dev", "dev")
    assert (result.ahead, result.behind, result.commits, result.lost) == (0, 0, (), ())


@pytest.mark.parametrize("ref", ["main", "staging", "last-applied"])
async def test_a_ref_resolves_to_its_commit(github: GitHub, stand_in: GitHubStandIn, ref: str) -> None:
    commit = await commits.resolve(github, REPOSITORY, ref)
    expected = stand_in.repository(REPOSITORY).graph.resolve(ref)
    assert (commit.sha, commit.ref, commit.repository) == (expected.sha, ref, REPOSITORY)
    assert commit.subject == expected.message.splitlines()[0]
    assert commit.author in {"ana-duarte", "lee-park", "max-weber"}
    assert commit.url.startswith(stand_in.url)
    assert (await commits.resolve(github, REPOSITORY, commit.sha)).sha == commit.sha


async def test_what_a_branch_has_that_a_commit_has_not_is_told_oldest_first(
    github: GitHub, stand_in: GitHubStandIn
) -> None:
    repository = stand_in.repository(REPOSITORY)
    before = repository.graph.resolve("main").sha
    made = [repository.commit("main", {f"{name}.txt": name}, f"Add {name}\n\nAt length.") for name in ("one", "two")]
    ahead = await commits.compare(github, REPOSITORY, before, "main")
    assert [(item.sha, item.subject, item.ref) for item in ahead] == [
        (made[0].sha, "Add one", "main"),
        (made[1].sha, "Add two", "main"),
    ]
    assert all(item.url.startswith(stand_in.url) for item in ahead)
    assert await commits.compare(github, REPOSITORY, "main", before) == ()
    assert await commits.compare(github, REPOSITORY, before, before) == ()


@pytest.mark.parametrize("head", ["nowhere", "../../../user?x=", "a/b"])
async def test_what_cannot_be_compared_is_not_found(github: GitHub, stand_in: GitHubStandIn, head: str) -> None:
    with pytest.raises(NotFoundError):
        await commits.compare(github, REPOSITORY, "main", head)
    assert all("/compare/" in request.path for request in stand_in.requests)


@pytest.mark.parametrize(("repository", "ref"), [(REPOSITORY, "nowhere"), ("PermanentOrg/nothing", "main")])
async def test_what_does_not_resolve_is_not_found(github: GitHub, repository: str, ref: str) -> None:
    with pytest.raises(NotFoundError) as caught:
        await commits.resolve(github, repository, ref)
    assert caught.value.doing == f"resolving {ref} in {repository}"


@pytest.mark.parametrize("repository", ["a", "a/b/c", "../b", "a/..", "a/b?c", "a/b c", ""])
async def test_a_repository_that_is_no_name_is_refused(
    github: GitHub, stand_in: GitHubStandIn, repository: str
) -> None:
    for call in (commits.resolve(github, repository, "main"), dispatch.newest_run_id(github, repository, DEPLOY)):
        with pytest.raises(RunnerError, match="no name of a repository"):
            await call
    assert not stand_in.requests


async def test_a_ref_cannot_lead_to_another_address(github: GitHub, stand_in: GitHubStandIn) -> None:
    with pytest.raises(NotFoundError):
        await commits.resolve(github, REPOSITORY, "../../../../user?x=")
    assert all("/commits/" in request.path for request in stand_in.requests)
