"""Pull requests between branches: find, open, read, merge."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from runners.concurrency import together
from runners.errors import RunnerError
from runners.github.api.errors import message_of
from runners.github.api.reads import PER_PAGE, CachedReads
from runners.results import MergeAnswer, PullRequest, PullState

if TYPE_CHECKING:
    from collections.abc import Sequence

    from github import GithubException
    from github.Repository import Repository

    from runners.github import GitHub

# GitHub's values of `mergeable_state` that prevent a merge.
OBSTACLES = ("dirty", "blocked", "behind", "draft")
_ALREADY = "already exists"


async def find(reads: CachedReads, repository: str, source: str, target: str) -> PullRequest | None:
    """The open pull request from branch `source` to branch `target` of the same repository, if there is one.

    Raises:
        NotFoundError: no such repository, or we may not see it.
    """
    owner = repository.partition("/")[0]
    query = urlencode({"state": "open", "head": f"{owner}:{source}", "base": target, "per_page": 10})
    doing = f"looking for a pull request from {source} to {target} in {repository}"
    pulls = await reads.get(repository, f"/pulls?{query}", doing=doing)
    # GitHub ignores a `head` that it cannot parse.
    for pull in pulls:
        head = pull["head"]
        same_repository = ((head.get("repo") or {}).get("full_name") or "").lower() == repository.lower()
        if same_repository and head["ref"] == source and pull["base"]["ref"] == target:
            return await read(reads, repository, int(pull["number"]))
    return None


async def read(reads: CachedReads, repository: str, number: int) -> PullRequest:
    """The present state of the pull request; the first read makes GitHub compute whether it can be merged.

    Raises:
        NotFoundError: no such pull request.
    """
    doing = f"reading pull request #{number} of {repository}"
    return _pull_from(repository, await reads.get(repository, f"/pulls/{number}", doing=doing))


async def merged_with(reads: CachedReads, repository: str, shas: Sequence[str]) -> dict[str, tuple[int, str]]:
    """The pull request that brought each of these commits, as number and URL; without commits of none.

    Raises:
        RunnerError: or one of its kinds, as api/errors.py chooses.
    """

    async def of(sha: str) -> tuple[str, tuple[int, str] | None]:
        doing = f"looking for the pull request of {sha[:7]} in {repository}"
        listed = await reads.get(repository, f"/commits/{sha}/pulls?per_page={PER_PAGE}", doing=doing)
        merged = [pull for pull in listed if pull.get("merged_at")]
        first = min(merged, key=lambda pull: str(pull["merged_at"]), default=None)
        return sha, (int(first["number"]), str(first["html_url"])) if first else None

    return {sha: pull for sha, pull in await together(*map(of, shas)) if pull}


def _pull_from(repository: str, pull: dict[str, Any]) -> PullRequest:
    merged = bool(pull.get("merged") or pull.get("merged_at"))
    state = PullState.MERGED if merged else PullState(pull["state"])
    obstacle = "draft" if pull.get("draft") else str(pull.get("mergeable_state") or "")
    return PullRequest(
        repository=repository,
        number=int(pull["number"]),
        url=str(pull["html_url"]),
        state=state,
        head_sha=str(pull["head"]["sha"]),
        mergeable=pull.get("mergeable"),
        obstacle=obstacle if obstacle in OBSTACLES else "",
        merge_sha=str(pull.get("merge_commit_sha") or "") if merged else "",
    )


async def open_or_find(
    github: GitHub, repository: str, source: str, target: str, *, title: str, body: str
) -> PullRequest | None:
    """Open a pull request, or find the open pull request: GitHub allows one at a time between two branches.

    None when the source branch has no commits that the target does not have.

    Raises:
        UncertainError: no answer came: it may be open.
        AccessDeniedError: our credentials may not open pull requests.
        NotFoundError: no such repository or branch.
    """
    existing = await find(CachedReads(github), repository, source, target)
    if existing:
        return existing
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
    return await read(CachedReads(github), repository, number)


async def merge(github: GitHub, pull: PullRequest, *, title: str) -> MergeAnswer:
    """Merge exactly the commit `pull.head_sha`, by a merge commit. A merged pull request is not merged again.

    Raises:
        UncertainError: no answer came: it may be merged.
        AccessDeniedError: our credentials may not write there.
    """
    doing = f"merging pull request #{pull.number} of {pull.repository}"
    request = {"sha": pull.head_sha, "merge_method": "merge", "commit_title": title}

    def put(its: Repository) -> MergeAnswer:
        from github import GithubException  # noqa: PLC0415  -- loaded by then, and not before (api/client.py)

        try:
            _, data = its.requester.requestJsonAndCheck("PUT", f"{its.url}/pulls/{pull.number}/merge", input=request)
        except GithubException as error:
            return _refused(error)
        return MergeAnswer(sha=str(data["sha"]))

    return await github.call(pull.repository, put, doing=doing, changes=True)


def _refused(error: GithubException) -> MergeAnswer:
    reason = message_of(error.data) or "no reason given"
    if error.status == HTTPStatus.CONFLICT:
        return MergeAnswer(refusal=reason, moved=True)
    # 405: protected, not mergeable, or merge commits are disabled; 422: an invalid request.
    if error.status in (HTTPStatus.METHOD_NOT_ALLOWED, HTTPStatus.UNPROCESSABLE_ENTITY):
        return MergeAnswer(refusal=reason)
    raise error
