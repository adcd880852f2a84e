"""Exactly one branch, tag or commit for a name. GitHub's own look-up also finds pull requests, and prefers silently."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

from runners.errors import NoSuchRefError, NotFoundError, RefusedRefError, RunnerError
from runners.git_refs import is_ref
from runners.github.api.errors import check_repository
from runners.nearest import nearest

if TYPE_CHECKING:
    from runners.github import GitHub

HEADS, TAGS = "refs/heads/", "refs/tags/"
_SHA = re.compile(r"[0-9a-f]{7,40}")
_FULL_SHA = re.compile(r"[0-9a-f]{40}")
_LISTED = 100
_DEEPEST_TAG = 5  # a tag may name another tag


@dataclass(frozen=True, slots=True)
class NamedRef:
    """A branch or tag by its full name (refs/heads/main), with its commit."""

    full_name: str
    sha: str


def is_full_sha(text: str) -> bool:
    """Whether this is the whole SHA of a commit: GitHub takes no branch or tag of such a name."""
    return _FULL_SHA.fullmatch(text) is not None


async def find(github: GitHub, repository: str, name: str, doing: str) -> NamedRef | None:
    """The branch or tag of exactly this name; None for a commit's SHA, which no branch or tag has as its name.

    `refs/heads/` and `refs/tags/` begin full names. A full SHA is a commit, whatever has that name: GitHub takes no
    such branches or tags. docs.github.com/en/rest/git/refs#get-a-reference finds exact names only.

    Raises:
        NoSuchRefError: there is neither.
        RefusedRefError: both a branch and a tag have the name, or it is a commit's as well, or another kind of ref's.
    """
    check_repository(repository, doing)
    if not is_ref(name):
        raise _none(doing, name)
    if is_full_sha(name):
        return None
    if name.startswith("refs/") and not name.startswith((HEADS, TAGS)):
        problem = f"{name} is neither a branch nor a tag"
        raise RefusedRefError(doing, problem, remedy="Name a branch or tag of the repository, or a commit that it has.")
    full = name.startswith((HEADS, TAGS))
    names = (name,) if full else (HEADS + name, TAGS + name)
    refs = [ref for ref in await asyncio.gather(*(_read(github, repository, each, doing) for each in names)) if ref]
    like_commit = not full and _SHA.fullmatch(name) is not None
    if len(refs) > 1 or (refs and like_commit):
        raise _ambiguous(doing, name, refs, like_commit=like_commit)
    if refs:
        return refs[0]
    if like_commit:
        return None
    await github.get(repository, f"/repos/{repository}", doing=doing)  # a hidden repository is another problem
    raise _none(doing, name, await _similar(github, repository, name, doing))


async def _similar(github: GitHub, repository: str, name: str, doing: str) -> str:
    """The branch or tag of the most similar name, among the first hundred of each; "" where none is similar."""
    try:
        pages = await asyncio.gather(
            *(
                github.get(repository, f"/repos/{repository}/{kind}?per_page={_LISTED}", doing=doing)
                for kind in ("branches", "tags")
            )
        )
    except RunnerError:
        return ""
    word = name.removeprefix(HEADS).removeprefix(TAGS)
    return nearest(word, (str(ref["name"]) for page in pages for ref in page.data))


async def _read(github: GitHub, repository: str, full_name: str, doing: str) -> NamedRef | None:
    path = f"/repos/{repository}/git/ref/{quote(full_name.removeprefix('refs/'), safe='/')}"
    try:
        data = (await github.get(repository, path, doing=doing)).data
    except NotFoundError:
        return None
    if data["ref"] != full_name:
        return None
    target = data["object"]
    for _ in range(_DEEPEST_TAG):
        if target["type"] != "tag":
            break
        path = f"/repos/{repository}/git/tags/{quote(target['sha'], safe='')}"
        target = (await github.get(repository, path, doing=doing)).data["object"]
    if target["type"] != "commit":
        raise RefusedRefError(doing, f"{full_name} does not name a commit", remedy="Name another branch or tag.")
    return NamedRef(full_name, str(target["sha"]))


def _ambiguous(doing: str, name: str, refs: list[NamedRef], *, like_commit: bool) -> RefusedRefError:
    kinds = ["a branch" if ref.full_name.startswith(HEADS) else "a tag" for ref in refs]
    whole = " and ".join([*kinds, *(["perhaps a commit"] if like_commit else [])])
    remedy = f"Type its full name: {' or '.join(ref.full_name for ref in refs)}."
    return RefusedRefError(doing, f"{name} is {whole}: its meaning is ambiguous", remedy=remedy)


def _none(doing: str, name: str, similar: str = "") -> NoSuchRefError:
    problem = f"GitHub knows no such branch, tag or commit ({name[:100]})"
    return NoSuchRefError(doing, problem, remedy=f"Did you mean {similar}?" if similar else "Check the ref.")
