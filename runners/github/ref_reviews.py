"""Whether somebody else approved a commit: its pull request's reviews, by people with write access, and its checks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from runners.errors import NotFoundError
from runners.github import checks, ref_facts
from runners.github.api.reads import PER_PAGE
from runners.github.named_refs import HEADS

if TYPE_CHECKING:
    from runners.github.api.reads import CachedReads
    from runners.results import Commit, RefPull

_WRITERS = ("admin", "write")  # GitHub reports `maintain` as write
_MOST_COMMITS = 250  # GitHub lists no more of a pull request


async def not_reviewed(reads: CachedReads, commit: Commit, base: str, pulls: tuple[RefPull, ...]) -> str:
    """Why the commit does not count as reviewed (plain text); empty when it does.

    It counts when an open pull request into `base` (a branch's name) has this commit as its head, and its newest review
    by somebody with write access, who has no part in it, approves exactly this commit. Nobody requests changes, and the
    checks that `base` requires are green.
    """
    fitting = [pull for pull in pulls if pull.base == base]
    if not fitting:
        return f"no open pull request into {base} has this commit as its head"
    reasons = [await _unapproved(reads, commit, pull) for pull in fitting]
    if all(reasons):
        return reasons[0]
    reported = await checks.checks_of(reads, commit.repository, commit.sha, branch=base)
    if not reported.green:
        waiting = reported.failed or reported.unfinished
        return f"its checks are not green: {', '.join(check.name for check in waiting[:3])}"
    return ""


async def _unapproved(reads: CachedReads, commit: Commit, pull: RefPull) -> str:
    """Why the pull request does not count as approved; empty when it does."""
    involved = await _involved(reads, commit, pull)
    if not involved:
        return f"who pushed #{pull.number}, or wrote its commits, is unknown"
    newest = await _newest_reviews(reads, commit, pull)
    approving = False
    for login, review in newest.items():
        state = review["state"]
        if state not in ("APPROVED", "CHANGES_REQUESTED") or not await _may_write(reads, commit.repository, login):
            continue
        if state == "CHANGES_REQUESTED":
            return f"{login} requests changes in #{pull.number}"
        approving = approving or (review.get("commit_id") == commit.sha and login.lower() not in involved)
    return "" if approving else f"nobody else approved {commit.short} in #{pull.number}"


async def _involved(reads: CachedReads, commit: Commit, pull: RefPull) -> frozenset[str]:
    """Who has a part in the pull request, in small letters; empty where somebody of them is unknown."""
    pusher = await ref_facts.last_pusher(reads, commit.repository, HEADS + pull.head, commit.sha)
    logins = {pull.author, pusher}
    listed = await _pages(reads, commit, f"/pulls/{pull.number}/commits")
    if len(listed) >= _MOST_COMMITS:
        return frozenset()
    for each in listed:
        logins |= {ref_facts.login_of(each.get(role)) for role in ("author", "committer")}
    return frozenset() if "" in logins else frozenset(login.lower() for login in logins)


async def _newest_reviews(reads: CachedReads, commit: Commit, pull: RefPull) -> dict[str, dict[str, Any]]:
    """The newest review of each person that decides something; comments change no decision. GitHub lists oldest first."""
    newest: dict[str, dict[str, Any]] = {}
    for review in await _pages(reads, commit, f"/pulls/{pull.number}/reviews"):
        login = ref_facts.login_of(review.get("user"))
        if login and review["state"] in ("APPROVED", "CHANGES_REQUESTED", "DISMISSED"):
            newest[login] = review
    return newest


async def _pages(reads: CachedReads, commit: Commit, path: str) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    for page in range(1, 11):
        some = await reads.get(
            commit.repository, f"{path}?per_page={PER_PAGE}&page={page}", doing=f"reading the review of {commit.short}"
        )
        items += some
        if len(some) < PER_PAGE:
            break
    return items


async def _may_write(reads: CachedReads, repository: str, login: str) -> bool:
    doing = f"reading what {login} may do in {repository}"
    try:
        data = await reads.get(repository, f"/collaborators/{quote(login, safe='')}/permission", doing=doing)
    except NotFoundError:
        return False  # no account of this name any more
    return data["permission"] in _WRITERS
