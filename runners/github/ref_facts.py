"""What GitHub knows of a commit that somebody wants to run: which refs contain it, whose it is, how it differs."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from runners.errors import AccessDeniedError, NotFoundError, RunnerError
from runners.github.api.reads import PER_PAGE
from runners.github.deciding_files import certainly, decides
from runners.github.named_refs import HEADS, TAGS
from runners.results import RefDifference, RefPull
from runners.stored import stored

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from runners.github.api.reads import CachedReads

MOST_PAGES = 3  # of branches, and of tags, whose histories are searched for a commit
TOGETHER = 8  # comparisons at the same time
MOST_FILES = 300  # of a comparison: docs.github.com/en/rest/commits/commits#compare-two-commits
_CONTAINED = ("identical", "behind")


@stored("unknown-containment-error")
class UnknownContainmentError(RunnerError):
    """The repository has more branches or tags than are searched."""


async def contains(reads: CachedReads, repository: str, base: str, sha: str) -> bool:
    """Whether the history of `base` (a SHA) has the commit. Commits without a common ancestor do not contain each other.

    GitHub compares a fork's commits, too: these are ahead of each commit of the repository, or diverged from it.
    """
    if base == sha:
        return True
    doing = f"looking for {sha[:7]} in the history of {base[:7]}"
    try:
        data = await reads.get(repository, f"/compare/{base}...{sha}?per_page=1&page=1", doing=doing)
    except NotFoundError:
        return False
    return data["status"] in _CONTAINED


async def container(reads: CachedReads, repository: str, tips: Iterable[tuple[str, str]], sha: str) -> str:
    """The name of the first of these (name, SHA of its commit) whose history has the commit; empty when none has it."""
    names: dict[str, str] = {}
    for name, tip in tips:
        names.setdefault(tip, name)
    if sha in names:
        return names[sha]
    waiting = list(names)
    for start in range(0, len(waiting), TOGETHER):
        some = waiting[start : start + TOGETHER]
        for tip, has in zip(
            some, await asyncio.gather(*(contains(reads, repository, t, sha) for t in some)), strict=True
        ):
            if has:
                return names[tip]
    return ""


async def branches_and_tags(reads: CachedReads, repository: str) -> list[tuple[str, str]]:
    """The branches and tags by full name, each with its commit.

    Raises:
        UnknownContainmentError: there are too many.
    """
    refs: list[tuple[str, str]] = []
    for prefix, path in ((HEADS, "/branches"), (TAGS, "/tags")):
        listed = await _all(reads, repository, path, "listing branches and tags")
        refs += [(prefix + str(ref["name"]), str(ref["commit"]["sha"])) for ref in listed]
    return refs


async def protected_branches(reads: CachedReads, repository: str) -> list[tuple[str, str]]:
    """The protected branches by full name, each with its commit."""
    listed = await _all(reads, repository, "/branches?protected=true", "listing protected branches")
    return [(HEADS + str(branch["name"]), str(branch["commit"]["sha"])) for branch in listed if branch["protected"]]


async def _all(reads: CachedReads, repository: str, path: str, doing: str) -> list[dict[str, Any]]:
    """Every item of a list. Raises UnknownContainmentError for more than are read."""
    items: list[dict[str, Any]] = []
    separator = "&" if "?" in path else "?"
    for page in range(1, MOST_PAGES + 1):
        query = f"{separator}per_page={PER_PAGE}&page={page}"
        some = await reads.get(repository, f"{path}{query}", doing=f"{doing} of {repository}")
        items += some
        if len(some) < PER_PAGE:
            return items
    raise _too_many(repository)


def _too_many(repository: str) -> UnknownContainmentError:
    return UnknownContainmentError(
        f"searching the branches and tags of {repository}",
        "there are too many to search for a commit",
        remedy="Name a branch or tag that has the commit.",
    )


@dataclass(frozen=True, slots=True)
class ChangedFiles:
    """The paths that differ between two commits, old names too; with `cut` GitHub listed only MOST_FILES."""

    paths: tuple[str, ...]
    cut: bool


async def changed_files(reads: CachedReads, repository: str, base: str, sha: str) -> ChangedFiles:
    """What differs at the commit from `base` (a SHA), in its history. Raises NotFoundError: they have no commit in common."""
    return _changed_in(await _compared(reads, repository, base, sha))


async def difference(reads: CachedReads, repository: str, base: str, sha: str) -> RefDifference:
    """How the commit differs from `base` (a SHA). Raises NotFoundError: they have no commit in common."""
    data = await _compared(reads, repository, base, sha)
    changed = _changed_in(data)
    deciding = tuple(sorted(filter(decides, changed.paths), key=lambda path: not certainly(path)))
    ahead, behind, url = int(data["ahead_by"]), int(data["behind_by"]), str(data["html_url"])
    return RefDifference(ahead, behind, len(data.get("files") or ()), deciding, url, cut=changed.cut)


async def _compared(reads: CachedReads, repository: str, base: str, sha: str) -> dict[str, Any]:
    doing = f"comparing {base[:7]} and {sha[:7]} in {repository}"
    return dict(await reads.get(repository, f"/compare/{base}...{sha}?per_page=1&page=1", doing=doing))


def _changed_in(data: Mapping[str, Any]) -> ChangedFiles:
    changed = data.get("files") or ()
    # The old name, too: a file that decides what runs can be moved away.
    paths = {str(file[key]) for file in changed for key in ("filename", "previous_filename") if file.get(key)}
    return ChangedFiles(tuple(sorted(paths)), cut=len(changed) >= MOST_FILES)


async def pulls_of(reads: CachedReads, repository: str, sha: str) -> tuple[RefPull, ...]:
    """The open pull requests between the repository's own branches whose head is the commit."""
    doing = f"looking for pull requests of {sha[:7]} in {repository}"
    listed = await reads.get(repository, f"/commits/{sha}/pulls?per_page={PER_PAGE}", doing=doing)
    return tuple(
        RefPull(
            number=int(pull["number"]),
            url=str(pull["html_url"]),
            author=login_of(pull.get("user")),
            head=str(pull["head"]["ref"]),
            base=str(pull["base"]["ref"]),
        )
        for pull in listed
        if pull["state"] == "open" and pull["head"]["sha"] == sha and _is_own(pull, repository)
    )


def _is_own(pull: dict[str, Any], repository: str) -> bool:
    full_name = str((pull["head"].get("repo") or {}).get("full_name") or "")
    return full_name.lower() == repository.lower()


async def last_pusher(reads: CachedReads, repository: str, full_name: str, sha: str) -> str:
    """The login of who pushed the commit as the newest of this branch; empty where GitHub does not report it.

    docs.github.com/en/rest/repos/repos#list-repository-activities lists the newest first; Enterprise servers may lack it.
    """
    query = urlencode({"ref": full_name, "per_page": 1})
    doing = f"reading who pushed {full_name} of {repository}"
    try:
        listed: Sequence[dict[str, Any]] = await reads.get(repository, f"/activity?{query}", doing=doing)
    except (AccessDeniedError, NotFoundError):
        return ""
    newest = listed[0] if listed else {}
    return login_of(newest.get("actor")) if newest.get("after") == sha else ""


def login_of(user: dict[str, Any] | None) -> str:
    """The login of an account; empty for an account that no longer exists."""
    return str((user or {}).get("login") or "")
