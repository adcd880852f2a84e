"""Checks the permissions of our identity on GitHub against the configuration, as far as GitHub reports them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from runners.errors import RunnerError
from runners.github.rights import Rights, missing_reads, read_rights

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from bot.check.result import Findings
    from bot.config import Config
    from runners.github import GitHub

ENOUGH = {"read": ("read", "write", "admin"), "write": ("write", "admin")}
NAMES = {
    "actions": "Actions",
    "checks": "Checks",
    "contents": "Contents",
    "deployments": "Deployments",
    "metadata": "Metadata",
    "pull_requests": "Pull requests",
    "statuses": "Commit statuses",
}
ACCESS_NAMES = {"read": "read", "write": "read and write"}
_APP_REMEDY = "Set it on the App's Permissions page, and accept the change where the App is installed."
_TOKEN_REMEDY = "Create a token that has it, and set GITHUB_TOKEN."  # noqa: S105  -- words
_ACCOUNT_REMEDY = "Give the token's account write access to the repository."


@dataclass(frozen=True, slots=True)
class Need:
    """A permission on a repository, "read" or "write", and the reason in words that follow "needed to"."""

    repository: str
    permission: str
    access: str
    reason: str


def needs(config: Config) -> tuple[Need, ...]:
    """The permissions that the configuration needs: for each repository and permission the wider access."""
    wider: dict[tuple[str, str], Need] = {}
    for need in _all_needs(config):
        other = wider.get((need.repository, need.permission))
        if other is None or (other.access, need.access) == ("read", "write"):
            wider[need.repository, need.permission] = need
    return tuple(wider.values())


def _all_needs(config: Config) -> Iterable[Need]:
    for repository in config.repositories:
        yield from _needs_of(config, repository)
    for promote in (environment.promote for environment in config.environments.values() if environment.promote):
        for repository in promote.repositories:
            yield Need(repository, "metadata", "read", "find the repository")
            yield Need(repository, "contents", "write", f"merge into {promote.target}")
            yield Need(repository, "pull_requests", "write", "open and merge its pull request")
            yield from _reading_checks(repository)
            if promote.pipeline is not False:
                yield Need(repository, "actions", "read", "follow the pipeline of what is promoted")


def _needs_of(config: Config, repository: str) -> Iterable[Need]:
    """What is needed in a repository of code."""
    here = [each for each in config.environments.values() if config.repository_of(each) == repository]
    deploys = [each.deploy.github_actions for each in here if each.deploy and each.deploy.github_actions]
    images = tuple(config.builds.values()) if repository == config.github.repository else ()
    yield Need(repository, "metadata", "read", "find the repository")
    yield Need(repository, "contents", "read", "read its code and workflows")
    if deploys or images:
        yield Need(repository, "actions", "write", "start, rerun and cancel workflows")
    if any(each.refs.reviewed for each in here) or any(each.refs.reviewed for each in images):
        yield Need(repository, "pull_requests", "read", "read the reviews of a ref")
        yield from _reading_checks(repository)
    if any(deploy.required_checks is not False for deploy in deploys):
        yield from _reading_checks(repository)
    if any(deploy.record for deploy in deploys):
        yield Need(repository, "deployments", "write", "record deploys")


def _reading_checks(repository: str) -> Iterable[Need]:
    for permission in ("checks", "statuses"):
        yield Need(repository, permission, "read", "read its checks")


async def check_permissions(config: Config, github: GitHub, repositories: Collection[str], findings: Findings) -> None:
    """Add a problem for each permission that is missing in these repositories, and a fact where GitHub does not report permissions.

    Raises no RunnerError.
    """
    needed = [need for need in needs(config) if need.repository in repositories]
    unchecked = False
    for repository in dict.fromkeys(need.repository for need in needed):
        here = [need for need in needed if need.repository == repository]
        try:
            ours = await read_rights(github, repository)
            unchecked |= await _compare(github, ours, here, findings)
        except RunnerError as error:
            findings.add_problem(str(error), error.remedy or "Check that the token or App can see the repository.")
    if unchecked:
        findings.add_fact("write permissions of this kind of token cannot be checked")


async def _compare(github: GitHub, ours: Rights, needed: list[Need], findings: Findings) -> bool:
    """Whether GitHub leaves write permissions unreported."""
    repository, writes = needed[0].repository, any(need.access == "write" for need in needed)
    if ours.archived:
        findings.add_problem(f"{repository} is archived", "Name another repository in signalbox.yaml.")
    if ours.permissions is not None:
        for need in needed:
            if ours.permissions.get(need.permission) not in ENOUGH[need.access]:
                _add_missing(findings, "the App", need, _APP_REMEDY)
        return False
    if ours.scopes is not None:
        if writes and ours.may_push is False:
            findings.add_problem(f"the token's account can read {repository} but not write to it", _ACCOUNT_REMEDY)
        if not ours.scopes & ({"repo"} if ours.private else {"repo", "public_repo"}):
            scopes = ", ".join(sorted(ours.scopes)) or "none"
            findings.add_problem(f"the token lacks the scope repo for {repository} (it has {scopes})", _TOKEN_REMEDY)
        return False
    missing = await missing_reads(github, repository, ours.default_branch, [need.permission for need in needed])
    for need in needed:
        if need.permission in missing:
            _add_missing(findings, "the token", need, _TOKEN_REMEDY)
    return writes


def _add_missing(findings: Findings, identity: str, need: Need, remedy: str) -> None:
    permission = f"{NAMES[need.permission]}: {ACCESS_NAMES[need.access]}"
    findings.add_problem(
        f"{identity} lacks the permission {permission} on {need.repository}, needed to {need.reason}", remedy
    )
