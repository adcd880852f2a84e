"""The rights of our identity in a repository, as far as GitHub reports them."""

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

    Both are None for a fine-grained token and any other unreported identity. `may_push` is whether the owner of a classic
    token may write to the repository; for other tokens it may cover code only.
    """

    permissions: Mapping[str, str] | None
    scopes: frozenset[str] | None
    may_push: bool | None
    private: bool
    archived: bool
    default_branch: str


async def read_rights(github: GitHub, repository: str) -> Rights:
    """Read the rights of our identity from the repository.

    Raises:
        NotFoundError: there is no such repository, it is hidden from us, or the App is not installed there.
        AccessDeniedError: our credentials are not accepted.
    """
    answer = await github.get(repository, f"/repos/{repository}", doing=f"reading {repository}")
    about = answer.data
    owner = about.get("permissions") or {}
    return Rights(
        permissions=await github.permissions(repository),
        scopes=None if answer.scopes is None else frozenset(answer.scopes.replace(",", " ").split()),
        may_push=owner.get("push"),
        private=bool(about.get("private", True)),
        archived=bool(about.get("archived")),
        default_branch=str(about.get("default_branch") or "main"),
    )


async def missing_reads(github: GitHub, repository: str, branch: str, permissions: Iterable[str]) -> tuple[str, ...]:
    """The permissions among these that our identity lacks even for reading, determined by a read for each.

    Raises:
        UnavailableError: GitHub does not answer.
    """
    missing = []
    for permission in permissions:
        path = _READS[permission].format(ref=quote(branch, safe=""))
        try:
            await github.get(repository, f"/repos/{repository}{path}", doing=f"trying to read {permission}")
        except (AccessDeniedError, NotFoundError):
            missing.append(permission)
    return tuple(missing)
