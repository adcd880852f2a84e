"""How far a deployed commit is behind its branch: from one list of commits, and never a wrong number."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, strategies as st

from runners.errors import NotFoundError
from runners.github.standing import Branch, compare, read_branch, standing
from runners.results.fleet import Standing

if TYPE_CHECKING:
    from runners.github import GitHub
    from sandbox.github import GitHubStandIn

APPLICATION = "PermanentOrg/application"


@st.composite
def histories(draw: st.DrawFn) -> dict[str, tuple[str, ...]]:
    """The parents of up to thirty commits, the newest first; each has older parents, and some are merges."""
    count = draw(st.integers(1, 30))
    parents: dict[str, tuple[str, ...]] = {}
    for number in reversed(range(count)):
        older = st.integers(0, number - 1)
        chosen = draw(st.sets(older, min_size=1, max_size=2)) if number else set[int]()
        parents[str(number)] = tuple(map(str, sorted(chosen, reverse=True)))
    return parents


def ancestors(parents: dict[str, tuple[str, ...]], sha: str) -> set[str]:
    return {sha}.union(*(ancestors(parents, parent) for parent in parents[sha]))


@given(histories(), st.data())
def test_it_is_the_exact_number_or_unknown(parents: dict[str, tuple[str, ...]], data: st.DataObject) -> None:
    head = next(iter(parents))
    branch = ancestors(parents, head)
    listed = [sha for sha in parents if sha in branch][: data.draw(st.integers(1, 30))]
    sha = data.draw(st.sampled_from(sorted(parents)))
    actual = standing(Branch(head, {each: parents[each] for each in listed}), sha)
    exact = Standing(len(branch - ancestors(parents, sha)))
    assert actual in (None, exact)
    if len(listed) == len(branch) and sha in branch:
        assert actual == exact


async def test_github_is_asked_once_for_all_commits_of_a_branch(github: GitHub, stand_in: GitHubStandIn) -> None:
    repository = stand_in.repository(APPLICATION)
    before = repository.graph.head("dev") if hasattr(repository.graph, "head") else repository.graph.branches["dev"]
    for number in range(3):
        repository.commit("dev", {"n": str(number)}, f"Change {number}")
    branch = await read_branch(github, APPLICATION, "dev")
    assert standing(branch, before) == Standing(3)
    assert standing(branch, branch.head) == Standing(0)
    assert await read_branch(github, APPLICATION, "dev", branch) is branch
    repository.commit("dev", {"n": "x"}, "Another change")
    assert standing(await read_branch(github, APPLICATION, "dev", branch), before) == Standing(4)


async def test_what_the_list_does_not_say_is_compared(github: GitHub, stand_in: GitHubStandIn) -> None:
    repository = stand_in.repository(APPLICATION)
    old = repository.graph.branches["dev"]
    for number in range(130):
        repository.commit("dev", {"n": str(number)}, f"Change {number}")
    repository.graph.branch("fix", old)
    fix = repository.commit("fix", {"a": "b"}, "Fix it elsewhere").sha
    branch = await read_branch(github, APPLICATION, "dev")
    assert len(branch.parents) == 100
    assert standing(branch, old) is None
    assert await compare(github, APPLICATION, old, branch.head) == Standing(130)
    assert await compare(github, APPLICATION, fix, branch.head) == Standing(130, 1)
    with pytest.raises(NotFoundError):
        await compare(github, APPLICATION, "0" * 40, branch.head)
    with pytest.raises(NotFoundError):
        await read_branch(github, APPLICATION, "no-such-branch")
