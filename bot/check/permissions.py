"""Whether our identity on GitHub may do what the configuration asks for, as far as that can be told beforehand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from runners.errors import RunnerError
from runners.github.rights import Rights, rights, unreadable

if TYPE_CHECKING:
    from collections.abc import Iterable

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
WORDS = {"read": "read", "write": "read and write"}
_TO_APP = "Set it on the App's page under Permissions, and accept the change where the App is installed."
_TO_TOKEN = "Make a token that has it, and put it into GITHUB_TOKEN."  # noqa: S105  -- words
_TO_PERSON = "Let the account that the token belongs to write to the repository."


@dataclass(frozen=True, slots=True)
class Need:
    """A permission on a repository, "read" or "write", and what for."""

    repository: str
    permission: str
    access: str
    reason: str


def needs(config: Config) -> tuple[Need, ...]:
    """What the configuration needs, once for each repository and permission, with the wider access."""
    wider: dict[tuple[str, str], Need] = {}
    for need in _wanted(config):
        known = wider.get((need.repository, need.permission))
        if known is None or (known.access, need.access) == ("read", "write"):
            wider[need.repository, need.permission] = need
    return tuple(wider.values())


def _wanted(config: Config) -> Iterable[Need]:
    home = config.github.repository
    deploys = [
        environment.deploy.github_actions
        for environment in config.environments.values()
        if environment.deploy.github_actions
    ]
    yield Need(home, "metadata", "read", "finding the repository")
    yield Need(home, "contents", "read", "reading its code and workflows")
    if deploys or config.images:
        yield Need(home, "actions", "write", "starting, rerunning and cancelling workflows")
    if any(deploy.required_checks is not False for deploy in deploys):
        yield from _checks_of(home)
    if any(deploy.record for deploy in deploys):
        yield Need(home, "deployments", "write", "recording deploys")
    for promote in (environment.promote for environment in config.environments.values() if environment.promote):
        for repository in promote.repositories:
            yield Need(repository, "metadata", "read", "finding the repository")
            yield Need(repository, "contents", "write", f"merging into {promote.target}")
            yield Need(repository, "pull_requests", "write", "opening and merging its pull request")
            yield from _checks_of(repository)


def _checks_of(repository: str) -> Iterable[Need]:
    for permission in ("checks", "statuses"):
        yield Need(repository, permission, "read", "whether its checks are green")


async def check_permissions(config: Config, github: GitHub, found: Findings) -> None:
    """A line for each permission that is lacking; a note where that cannot be told. Raises nothing of GitHub's."""
    wanted = needs(config)
    untold = False
    for repository in dict.fromkeys(need.repository for need in wanted):
        its = [need for need in wanted if need.repository == repository]
        try:
            ours = await rights(github, repository)
            untold |= await _compare(github, ours, its, found)
        except RunnerError as error:
            found.fail(str(error), error.remedy or "Check that our identity may see the repository.")
    if untold:
        found.note("what this kind of token may write shows when it first does")


async def _compare(github: GitHub, ours: Rights, its: list[Need], found: Findings) -> bool:
    """Whether something stays untold."""
    repository, writes = its[0].repository, any(need.access == "write" for need in its)
    if ours.archived:
        found.fail(f"{repository} is archived", "Name another one in signalbox.yaml.")
    if ours.permissions is not None:
        for need in its:
            if ours.permissions.get(need.permission) not in ENOUGH[need.access]:
                _lacks(found, "the App", need, _TO_APP)
        return False
    if ours.scopes is not None:
        if writes and ours.may_push is False:
            found.fail(f"the token's account may read {repository} but change nothing there", _TO_PERSON)
        if not ours.scopes & ({"repo"} if ours.private else {"repo", "public_repo"}):
            has = ", ".join(sorted(ours.scopes)) or "none"
            found.fail(f"the token lacks the scope repo for {repository} (it has {has})", _TO_TOKEN)
        return False
    lacking = await unreadable(github, repository, ours.default_branch, [need.permission for need in its])
    for need in its:
        if need.permission in lacking:
            _lacks(found, "the token", need, _TO_TOKEN)
    return writes


def _lacks(found: Findings, who: str, need: Need, remedy: str) -> None:
    permission = f"{NAMES[need.permission]}: {WORDS[need.access]}"
    found.fail(f"{who} lacks the permission {permission} on {need.repository}, for {need.reason}", remedy)
