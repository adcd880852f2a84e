"""Actions secrets at GitHub: lists of names with their times, and values that are sealed and set."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from runners.concurrency import together
from runners.github.api.reads import CachedReads
from runners.results.secrets import Keeper, SecretEntry

if TYPE_CHECKING:
    from github.Repository import Repository

    from runners.github import GitHub

LARGEST = 48 << 10  # bytes; docs.github.com/en/actions/reference/security/secrets
_MOST_PAGES = 10
_PER_PAGE = 100


async def of_repository(github: GitHub, repository: str) -> tuple[SecretEntry, ...]:
    """The repository's own secrets. Raises RunnerError, or one of its kinds."""
    doing = f"listing the secrets of {repository}"
    listed = CachedReads(github).pages(repository, "/actions/secrets", key="secrets", doing=doing)
    return tuple([_entry(Keeper.REPOSITORY, repository, each) async for each in listed])


async def environments(github: GitHub, repository: str) -> tuple[str, ...]:
    """The names of its environments at GitHub. Raises RunnerError, or one of its kinds."""
    doing = f"listing the environments of {repository}"
    listed = CachedReads(github).pages(repository, "/environments", key="environments", doing=doing)
    return tuple([str(each["name"]) async for each in listed])


async def of_environment(github: GitHub, repository: str, environment: str) -> tuple[SecretEntry, ...]:
    """The secrets of one environment at GitHub. Raises RunnerError, or one of its kinds."""
    doing = f"listing the secrets of the environment {environment} of {repository}"
    path = f"/environments/{quote(environment, safe='')}/secrets"
    listed = CachedReads(github).pages(repository, path, key="secrets", doing=doing)
    return tuple([_entry(Keeper.ENVIRONMENT, repository, each, environment=environment) async for each in listed])


async def shared(github: GitHub, repository: str) -> tuple[SecretEntry, ...]:
    """The organization's secrets that the repository sees, which takes no right on the organization.

    Raises:
        RunnerError: or one of its kinds.
    """
    organization, doing = repository.partition("/")[0], f"listing the organization's secrets that {repository} sees"
    listed = CachedReads(github).pages(repository, "/actions/organization-secrets", key="secrets", doing=doing)
    return tuple([_entry(Keeper.ORGANIZATION, organization, each) async for each in listed])


async def of_organization(github: GitHub, repository: str) -> tuple[SecretEntry, ...]:
    """The secrets of the repository's organization, each with the repositories that see it.

    Raises:
        RunnerError: or one of its kinds.
    """
    organization = repository.partition("/")[0]
    doing = f"listing the secrets of the organization {organization}"
    listed = await _pages(github, repository, f"/orgs/{organization}/actions/secrets", "secrets", doing)
    notes = await together(*(_readers(github, repository, each, doing) for each in listed))
    return tuple(
        _entry(Keeper.ORGANIZATION, organization, each, note=note) for each, note in zip(listed, notes, strict=True)
    )


async def _readers(github: GitHub, repository: str, secret: dict[str, Any], doing: str) -> str:
    visibility = str(secret.get("visibility"))
    if visibility != "selected":
        return {"all": "visible to all repositories", "private": "visible to private repositories"}.get(visibility, "")
    organization = repository.partition("/")[0]
    path = f"/orgs/{organization}/actions/secrets/{secret['name']}/repositories"
    names = [str(each["name"]) for each in await _pages(github, repository, path, "repositories", doing)]
    return f"visible to {', '.join(names)}" if names else "visible to no repository"


async def _pages(github: GitHub, repository: str, path: str, key: str, doing: str) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    for page in range(1, _MOST_PAGES + 1):
        data = (await github.get(repository, f"{path}?per_page={_PER_PAGE}&page={page}", doing=doing)).data
        items += data[key]
        if not data[key] or len(items) >= data["total_count"]:
            break
    return items


def _entry(keeper: Keeper, owner: str, secret: dict[str, Any], *, environment: str = "", note: str = "") -> SecretEntry:
    at = datetime.fromisoformat(str(secret["updated_at"])).astimezone(UTC)
    return SecretEntry(keeper, str(secret["name"]), owner, at, environment=environment, note=note)


async def set_value(github: GitHub, repository: str, name: str, value: str, *, environment: str | None = None) -> None:
    """Seal the value with the place's public key and set it; the same value again changes nothing but its time.

    Raises:
        RunnerError: or one of its kinds.
    """
    where = f"the environment {environment} of {repository}" if environment else repository

    def put(of: Repository) -> None:
        if environment:
            of.get_environment(environment).create_secret(name, value)
        else:
            of.create_secret(name, value)

    await github.call(repository, put, doing=f"setting the secret {name} of {where}", changes=True)


async def check_settable(github: GitHub, repository: str, *, environment: str | None = None) -> None:
    """Raises RunnerError, or one of its kinds, where not even the public key for sealing can be read."""
    part = f"/environments/{quote(environment, safe='')}/secrets" if environment else "/actions/secrets"
    where = f"the environment {environment} of {repository}" if environment else repository
    await github.get(repository, f"/repos/{repository}{part}/public-key", doing=f"checking the secrets of {where}")
