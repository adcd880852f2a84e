"""What lies between two commits, against GitHub's stand-in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from runners.errors import NotFoundError
from runners.github import commits
from runners.github.api.reads import CachedReads

if TYPE_CHECKING:
    from runners.github import GitHub
    from runners.results import Difference
    from sandbox.github import GitHubStandIn

APPLICATION = "PermanentOrg/application"


async def between(github: GitHub, base: str, head: str, **more: bool) -> Difference:
    return await commits.difference(CachedReads(github), APPLICATION, base, head, **more)


async def test_what_a_branch_has_more_is_told_newest_first(github: GitHub) -> None:
    found = await between(github, "staging", "dev")
    assert (found.ahead, found.behind) == (3, 0)
    assert [commit.subject for commit in found.commits] == [
        "Store when a link expires",
        "Let links expire",
        "Resume an upload that was cut off",
    ]
    assert found.lost == ()
    assert "/compare/" in found.url


async def test_what_it_lacks_is_told_too(github: GitHub) -> None:
    found = await between(github, "dev", "staging")
    assert (found.ahead, found.behind, found.commits) == (0, 3, ())
    assert found.lost[0].subject == "Store when a link expires"
    assert (await between(github, "dev", "staging", lost=False)).lost == ()


async def test_branches_that_went_apart_have_both(github: GitHub, stand_in: GitHubStandIn) -> None:
    stand_in.repository(APPLICATION).commit("staging", {"a": "b"}, "Fix it in staging")
    found = await between(github, "staging", "dev")
    assert (found.ahead, found.behind) == (3, 1)
    assert [commit.subject for commit in found.lost] == ["Fix it in staging"]


@pytest.mark.parametrize("count", [100, 101, 102, 260])
async def test_of_many_commits_the_newest_are_told(github: GitHub, stand_in: GitHubStandIn, count: int) -> None:
    repository = stand_in.repository(APPLICATION)
    repository.graph.branch("many", "dev")
    for number in range(count):
        repository.commit("many", {"n": str(number)}, f"Change {number}")
    found = await between(github, "dev", "many")
    assert found.ahead == count
    assert [commit.subject for commit in found.commits] == [f"Change {count - 1 - n}" for n in range(commits.NEWEST)]


async def test_a_commit_that_is_gone_is_not_found(github: GitHub) -> None:
    with pytest.raises(NotFoundError):
        await between(github, "0123456789012345678901234567890123456789", "dev")


async def test_the_same_is_no_difference(github: GitHub) -> None:
    found = await between(github, "dev", "dev")
    assert (found.ahead, found.behind, found.commits, found.lost) == (0, 0, (), ())
