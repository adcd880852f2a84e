"""Commits of a repository: which commit a ref names, and the commits between two refs."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from runners.errors import RefusedRefError
from runners.github import named_refs
from runners.github.api.errors import check_repository
from runners.github.api.reads import PER_PAGE
from runners.results import Commit, Difference

if TYPE_CHECKING:
    from runners.github import GitHub
    from runners.github.api.reads import CachedReads

NEWEST = 40  # commits that are listed at most


async def resolve(github: GitHub, repository: str, ref: str) -> Commit:
    """The commit that a branch, tag or SHA names now; exactly one (see named_refs.py).

    Raises:
        NotFoundError: no such ref, or no such repository.
        RefusedRefError: the name is ambiguous, or neither a branch nor a tag.
    """
    doing = f"resolving {ref} in {repository}"
    named = await named_refs.find(github, repository, ref, doing)
    sha = named.sha if named else ref
    data = (await github.get(repository, f"/repos/{repository}/commits/{quote(sha, safe='')}", doing=doing)).data
    if not str(data["sha"]).startswith(sha):  # GitHub took it for the name of something else
        raise RefusedRefError(doing, f"{ref} is not the SHA of a commit", remedy="Name a branch or tag.")
    return replace(_commit_from(repository, ref, data), full_name=named.full_name if named else "")


async def compare(github: GitHub, repository: str, base: str, head: str) -> tuple[Commit, ...]:
    """The commits that `head` (a branch, tag or SHA) has and `base` does not, oldest first.

    At most the 250 oldest: as many as GitHub puts into one answer. None when `head` has only lost commits.

    Raises:
        NotFoundError: no such ref, or the two have no commit in common.
    """
    doing = f"comparing {base} and {head} in {repository}"
    check_repository(repository, doing)
    path = f"/repos/{repository}/compare/{quote(base, safe='')}...{quote(head, safe='')}"
    answer = await github.get(repository, path, doing=doing)
    return tuple(_commit_from(repository, head, commit) for commit in answer.data["commits"])


def _commit_from(repository: str, ref: str, data: dict[str, Any]) -> Commit:
    """A commit, from GitHub's `commit` object; `ref` is the ref that was resolved."""
    details = data["commit"]
    return Commit(
        repository=repository,
        sha=data["sha"],
        ref=ref,
        subject=details["message"].partition("\n")[0],
        # The account where GitHub has it, else the name in the commit.
        author=(data.get("author") or {}).get("login") or details["author"]["name"],
        url=data["html_url"],
    )


async def difference(reads: CachedReads, repository: str, base: str, head: str, *, lost: bool = True) -> Difference:
    """The newest commits that `head` (a branch, tag or SHA) has and `base` does not; with `lost` also those it lacks.

    Raises:
        NotFoundError: no such ref, or the two have no commit in common.
    """
    data = await _page(reads, repository, base, head, 1)
    ahead, behind = int(data["ahead_by"]), int(data["behind_by"])
    commits = await _newest(reads, repository, base, head, data)
    lacks: tuple[Commit, ...] = ()
    if behind and lost:
        lacks = await _newest(reads, repository, head, base, await _page(reads, repository, head, base, 1))
    return Difference(ahead, behind, commits, lacks, str(data["html_url"]))


async def _newest(
    reads: CachedReads, repository: str, base: str, head: str, first: dict[str, Any]
) -> tuple[Commit, ...]:
    # GitHub lists the oldest first, a page at a time.
    total, commits = int(first["ahead_by"]), list(first["commits"])
    if total > len(commits):
        last = -(-total // PER_PAGE)
        pages = [await _page(reads, repository, base, head, page) for page in (last - 1, last)]
        commits = [commit for page in pages for commit in page["commits"]]
    return tuple(_commit_from(repository, head, commit) for commit in reversed(commits[-NEWEST:]))


async def _page(reads: CachedReads, repository: str, base: str, head: str, page: int) -> dict[str, Any]:
    span = f"{quote(base, safe='')}...{quote(head, safe='')}"
    doing = f"comparing {base} and {head} in {repository}"
    data = await reads.get(repository, f"/compare/{span}?per_page={PER_PAGE}&page={page}", doing=doing)
    return dict(data)
