"""What goes out: the commits between what runs and what would run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from runners.github.api.reads import PER_PAGE
from runners.github.runs.dispatch import commit_from
from runners.results import Difference

if TYPE_CHECKING:
    from runners.github.api.reads import CachedReads
    from runners.results import Commit

NEWEST = 40  # so many commits are told at most


async def difference(reads: CachedReads, repository: str, base: str, head: str, *, lost: bool = True) -> Difference:
    """What `head` (a branch, tag or SHA) has that `base` has not, and, with `lost`, which commits it lacks.

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
    total, found = int(first["ahead_by"]), list(first["commits"])
    if total > len(found):
        last = -(-total // PER_PAGE)
        pages = [await _page(reads, repository, base, head, page) for page in (last - 1, last)]
        found = [one for page in pages for one in page["commits"]]
    return tuple(commit_from(repository, head, one) for one in reversed(found[-NEWEST:]))


async def _page(reads: CachedReads, repository: str, base: str, head: str, page: int) -> dict[str, Any]:
    span = f"{quote(base, safe='')}...{quote(head, safe='')}"
    doing = f"comparing {base} and {head} in {repository}"
    data = await reads.get(repository, f"/compare/{span}?per_page={PER_PAGE}&page={page}", doing=doing)
    return dict(data)
