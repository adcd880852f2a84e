"""Pull requests that bring one branch into another: found, opened, looked at, merged."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import github as pygithub

from runners.errors import RunnerError
from runners.github.api.errors import message_of
from runners.github.api.reads import CachedReads
from runners.results import MergeAnswer, PullRequest, PullState

if TYPE_CHECKING:
    from github.Repository import Repository

    from runners.github import GitHub

# What keeps a pull request from being merged, in GitHub's words (`mergeable_state`); the rest of its words are no obstacles.
OBSTACLES = ("dirty", "blocked", "behind", "draft")
_ALREADY = "already exists"


async def find(reads: CachedReads, repository: str, source: str, target: str) -> PullRequest | None:
    """The open pull request from branch `source` to branch `target` of the same repository, if there is one.

    Raises:
        NotFoundError: no such repository, or we may not see it.
    """
    owner = repository.partition("/")[0]
    asked = urlencode({"state": "open", "head": f"{owner}:{source}", "base": target, "per_page": 10})
    doing = f"looking for a pull request from {source} to {target} in {repository}"
    found = await reads.get(repository, f"/pulls?{asked}", doing=doing)
    # GitHub takes a `head` that it cannot read as none at all.
    ours = [one for one in found if one["head"]["ref"] == source and one["base"]["ref"] == target]
    ours = [
        our for our in ours if ((our["head"].get("repo") or {}).get("full_name") or "").lower() == repository.lower()
    ]
    return await look(reads, repository, int(ours[0]["number"])) if ours else None


async def look(reads: CachedReads, repository: str, number: int) -> PullRequest:
    """The pull request as it stands; GitHub begins to work out whether it can be merged when it is looked at.

    Raises:
        NotFoundError: there is none of this number.
    """
    doing = f"reading pull request #{number} of {repository}"
    return _pull_from(repository, await reads.get(repository, f"/pulls/{number}", doing=doing))


def _pull_from(repository: str, found: dict[str, Any]) -> PullRequest:
    merged = bool(found.get("merged") or found.get("merged_at"))
    state = PullState.MERGED if merged else PullState(found["state"])
    word = "draft" if found.get("draft") else str(found.get("mergeable_state") or "")
    return PullRequest(
        repository=repository,
        number=int(found["number"]),
        url=str(found["html_url"]),
        state=state,
        head_sha=str(found["head"]["sha"]),
        base_sha=str(found["base"]["sha"]),
        mergeable=found.get("mergeable"),
        obstacle=word if word in OBSTACLES else "",
        merge_sha=str(found.get("merge_commit_sha") or "") if merged else "",
    )


async def open_or_find(
    github: GitHub, repository: str, source: str, target: str, *, title: str, body: str
) -> PullRequest | None:
    """Open a pull request, or find the one that is open: GitHub holds at most one open from one branch to another.

    None when the branch has nothing that the other has not.

    Raises:
        UncertainError: no answer came: it may be open.
        AccessDeniedError: our credentials may not open pull requests.
        NotFoundError: no such repository or branch.
    """
    known = await find(CachedReads(github), repository, source, target)
    if known:
        return known
    doing = f"opening a pull request from {source} to {target} in {repository}"

    def create(its: Repository) -> int:
        return int(its.create_pull(base=target, head=source, title=title, body=body).number)

    try:
        number = await github.call(repository, create, doing=doing, changes=True)
    except RunnerError as error:
        if "no commits between" in error.problem.lower():
            return None
        if _ALREADY not in error.problem.lower():
            raise
        return await find(CachedReads(github), repository, source, target)
    return await look(CachedReads(github), repository, number)


async def merge(github: GitHub, pull: PullRequest, *, title: str) -> MergeAnswer:
    """Merge exactly the commit that was seen (`pull.head_sha`), by a merge commit. Once merged, nothing is merged again.

    Raises:
        UncertainError: no answer came: it may be merged.
        AccessDeniedError: our credentials may not write there.
    """
    doing = f"merging pull request #{pull.number} of {pull.repository}"
    told = {"sha": pull.head_sha, "merge_method": "merge", "commit_title": title}

    def put(its: Repository) -> MergeAnswer:
        try:
            _, data = its.requester.requestJsonAndCheck("PUT", f"{its.url}/pulls/{pull.number}/merge", input=told)
        except pygithub.GithubException as error:
            return _refused(error)
        return MergeAnswer(sha=str(data["sha"]))

    return await github.call(pull.repository, put, doing=doing, changes=True)


def _refused(error: pygithub.GithubException) -> MergeAnswer:
    said = message_of(error.data) or "no reason given"
    if error.status == HTTPStatus.CONFLICT:
        return MergeAnswer(refusal=said, moved=True)
    # 405: protected, not mergeable, or this way of merging is switched off; 422: what we say of it is refused.
    if error.status in (HTTPStatus.METHOD_NOT_ALLOWED, HTTPStatus.UNPROCESSABLE_ENTITY):
        return MergeAnswer(refusal=said)
    raise error
