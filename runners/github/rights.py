"""What we may do in a repository, as far as GitHub tells before it is tried."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

from runners.errors import AccessDeniedError, NotFoundError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from runners.github import GitHub

# A read that changes nothing, for each permission by GitHub's name.
# docs.github.com/en/rest/authentication/permissions-required-for-github-apps
_READS = {
    "actions": "/actions/runs?per_page=1",
    "checks": "/commits/{ref}/check-runs?per_page=1",
    "contents": "/commits?per_page=1",
    "deployments": "/deployments?per_page=1",
    "metadata": "",
    "pull_requests": "/pulls?per_page=1",
    "statuses": "/commits/{ref}/status?per_page=1",
}


@dataclass(frozen=True, slots=True)
class Rights:
    """`permissions` of an App's installation, by name, as "read", "write" or "admin"; `scopes` of a classic token.

    Both None for a fine-grained token, and whatever else GitHub says nothing of. `may_push` is whether the person that a
    classic token stands for may write to the repository; of other tokens it may tell only what they may do with code.
    """

    permissions: Mapping[str, str] | None
    scopes: frozenset[str] | None
    may_push: bool | None
    private: bool
    archived: bool
    default_branch: str


async def rights(github: GitHub, repository: str) -> Rights:
    """What GitHub tells of our identity, from reading the repository.

    Raises:
        NotFoundError: there is no such repository, it is hidden from us, or the App is not installed there.
        AccessDeniedError: our credentials are not accepted.
    """
    answer = await github.get(repository, f"/repos/{repository}", doing=f"reading {repository}")
    about = answer.data
    persons = about.get("permissions") or {}
    return Rights(
        permissions=await github.permissions(repository),
        scopes=None if answer.scopes is None else frozenset(answer.scopes.replace(",", " ").split()),
        may_push=persons.get("push"),
        private=bool(about.get("private", True)),
        archived=bool(about.get("archived")),
        default_branch=str(about.get("default_branch") or "main"),
    )


async def unreadable(github: GitHub, repository: str, branch: str, permissions: Iterable[str]) -> tuple[str, ...]:
    """Which of these permissions we lack even for reading, found out by reading.

    Raises:
        UnavailableError: GitHub does not answer.
    """
    lacking = []
    for permission in permissions:
        path = _READS[permission].format(ref=quote(branch, safe=""))
        try:
            await github.get(repository, f"/repos/{repository}{path}", doing=f"trying to read {permission}")
        except (AccessDeniedError, NotFoundError):
            lacking.append(permission)
    return tuple(lacking)
