"""How far deployed commits are behind their branch: one list of a branch's newest commits serves all environments.

A commit that is not among them takes a comparison. Both commits of it are named by their SHAs, so that it stays true.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from runners.github.api.errors import check_repository
from runners.github.api.reads import PER_PAGE
from runners.results.fleet import Standing

if TYPE_CHECKING:
    from collections.abc import Mapping

    from runners.github import GitHub


@dataclass(frozen=True, slots=True)
class Branch:
    """The newest commits of a branch, each with its parents, by SHA; `head` is the newest, `etag` GitHub's of the list."""

    head: str
    parents: Mapping[str, tuple[str, ...]]
    etag: str | None = None


async def read_branch(github: GitHub, repository: str, ref: str, before: Branch | None = None) -> Branch:
    """The newest commits of a branch; `before` itself where nothing has changed since, which costs nothing of the rate limit.

    Raises:
        NotFoundError: no such repository or branch.
    """
    doing = f"listing the commits of {ref} in {repository}"
    check_repository(repository, doing)
    path = f"/repos/{repository}/commits?{urlencode({'sha': ref, 'per_page': PER_PAGE})}"
    answer = await github.get(repository, path, doing=doing, etag=before.etag if before else None)
    if answer.unchanged and before:
        return before
    parents = {str(each["sha"]): tuple(str(parent["sha"]) for parent in each["parents"]) for each in answer.data}
    return Branch(next(iter(parents), ""), parents, answer.etag)


def standing(branch: Branch, sha: str) -> Standing | None:
    """How the commit lies to the branch; None where the branch's newest commits do not say."""
    if sha not in branch.parents:
        return None
    has = _reachable(branch, sha, frozenset())
    lacks = _reachable(branch, branch.head, has)
    if any(parent not in branch.parents for each in lacks for parent in branch.parents[each]):
        return None  # an older commit, which the deployed one may lack or not
    return Standing(len(lacks))


def _reachable(branch: Branch, sha: str, but: frozenset[str]) -> frozenset[str]:
    """The commits of the list that are in the history of this one, without those in `but`."""
    reached, waiting = set[str](), [sha]
    while waiting:
        each = waiting.pop()
        if each in branch.parents and each not in reached and each not in but:
            reached.add(each)
            waiting += branch.parents[each]
    return frozenset(reached)


async def compare(github: GitHub, repository: str, sha: str, head: str) -> Standing:
    """The same by GitHub's own comparison.

    Raises:
        NotFoundError: the repository does not have the commit, or the two have no commit in common.
    """
    doing = f"comparing {sha[:7]} and {head[:7]} in {repository}"
    check_repository(repository, doing)
    path = f"/repos/{repository}/compare/{sha}...{head}?per_page=1&page=1"
    data = (await github.get(repository, path, doing=doing)).data
    return Standing(int(data["ahead_by"]), int(data["behind_by"]))
