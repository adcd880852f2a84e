"""All secrets by name, read from every place at once; a place that cannot be read says so, and hides no other."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from bot.config import WatchKeys
from handlers.secrets.places import account_of
from runners.aws import oidc, secrets as aws_secrets
from runners.aws.client import asked
from runners.concurrency import together
from runners.errors import RunnerError
from runners.github import secrets as github_secrets, workflow_secrets
from runners.hcp import variables
from runners.results import Unreadable
from runners.results.secrets import GITHUB, Keeper, SecretEntry, SecretUse

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Iterator

    from bot.config import Config
    from bot.services import Services
    from runners.results.secrets import WorkflowSecrets

TIMEOUT = 60.0  # seconds for what AWS is asked at once


@dataclass(frozen=True, slots=True)
class Inventory:
    """All secrets at one time.

    `roles` are the account's roles that workflows of the repository may assume by OIDC. `names_complete`: every place that a
    workflow takes secrets from was read, so that a name that is not among `entries` is nowhere.
    """

    entries: tuple[SecretEntry, ...]
    workflows: tuple[WorkflowSecrets, ...] = ()
    unreadable: tuple[Unreadable, ...] = ()
    roles: tuple[str, ...] = ()
    names_complete: bool = False

    @property
    def uses(self) -> tuple[SecretUse, ...]:
        """All uses in workflows."""
        return tuple(use for workflow in self.workflows for use in workflow.uses)

    def used_by(self, entry: SecretEntry) -> tuple[str, ...]:
        """The workflows that name a secret at GitHub."""
        users = (use.workflow for use in self.uses if _may_be(use, entry))
        return tuple(dict.fromkeys(users))

    @property
    def missing(self) -> tuple[SecretUse, ...]:
        """What workflows name and nobody has. Empty where that is uncertain."""
        if not self.names_complete:
            return ()
        passed = {(each.file, name) for each in self.workflows for name in each.declared}
        at_github = [entry for entry in self.entries if entry.keeper in GITHUB]
        return tuple(
            use
            for use in self.uses
            if (use.workflow, use.name) not in passed and not any(_may_be(use, entry) for entry in at_github)
        )

    @property
    def unnamed(self) -> tuple[SecretEntry, ...]:
        """Secrets at GitHub that no workflow names. Empty where a workflow takes them by names that only a run decides."""
        certain = self.names_complete and self.workflows and not any(each.takes_all for each in self.workflows)
        at_github = [entry for entry in self.entries if entry.keeper in GITHUB] if certain else []
        return tuple(entry for entry in at_github if not self.used_by(entry))


def _may_be(use: SecretUse, entry: SecretEntry) -> bool:
    if entry.keeper not in GITHUB or use.name != entry.name.upper():
        return False
    in_another = entry.environment and use.environment is not None
    return not in_another or (use.environment or "").casefold() == entry.environment.casefold()


@dataclass(frozen=True, slots=True)
class _Part:
    """A place to read: `what` is kept `where`. `names` counts for whether every name is known that workflows may take."""

    what: str
    where: str
    read: Callable[[], Awaitable[Iterable[SecretEntry]]]
    names: bool = False


async def read(services: Services) -> Inventory:
    """Read every place."""
    repository = services.config.github.repository
    parts = [*await _of_github(services), *_of_aws(services), *_of_hcp(services)]
    results = await together(*(_read(services, part) for part in parts))
    entries = [entry for listed, _ in results for entry in listed]
    unreadable = [problem for _, problem in results if problem]
    complete = not any(problem and part.names for part, (_, problem) in zip(parts, results, strict=True))
    files: tuple[WorkflowSecrets, ...] = ()
    try:
        files = await workflow_secrets.read_all(services.github, repository)
    except RunnerError as error:
        unreadable.append(_unreadable(services, error, "the workflows", repository))
        complete = False
    entries += [SecretEntry(Keeper.OWN, name, "the bot's environment") for name in _own(services)]
    roles = await _roles(services, unreadable) if any(each.keeper is Keeper.IAM for each in entries) else ()
    ordered = sorted(entries, key=lambda each: (each.keeper.value, each.owner, each.environment, each.name))
    return Inventory(tuple(ordered), files, tuple(unreadable), roles, names_complete=complete)


async def _read(services: Services, part: _Part) -> tuple[tuple[SecretEntry, ...], Unreadable | None]:
    try:
        return tuple(await part.read()), None
    except RunnerError as error:
        return (), _unreadable(services, error, part.what, part.where)


def _unreadable(services: Services, error: RunnerError, what: str, where: str) -> Unreadable:
    return Unreadable(where, what, services.redact(error.problem), services.redact(error.remedy))


def _own(services: Services) -> Iterator[str]:
    yield from dict.fromkeys((*services.secrets.own, *sorted(services.secrets.values)))


async def _of_github(services: Services) -> list[_Part]:
    github, repository = services.github, services.config.github.repository
    shared = github_secrets.of_organization if services.config.secrets.organization else github_secrets.shared
    organization = repository.partition("/")[0]
    parts = [
        _Part("the secrets", repository, partial(github_secrets.of_repository, github, repository), names=True),
        _Part("the organization's secrets", organization, partial(shared, github, repository), names=True),
    ]
    try:
        names = await github_secrets.environments(github, repository)
    except RunnerError as error:
        failed = error

        async def refuse() -> Iterable[SecretEntry]:
            raise failed

        return [*parts, _Part("the environments", repository, refuse, names=True)]
    for name in names:
        read_one = partial(github_secrets.of_environment, github, repository, name)
        parts.append(_Part(f"the secrets of the environment {name}", repository, read_one, names=True))
    return parts


def _of_aws(services: Services) -> Iterator[_Part]:
    config, secrets = services.config, services.config.secrets
    if config.aws is None:
        return
    users = {(config.aws_place, user): services.account for user in secrets.users}
    for key in secrets.rotate.values():
        environment = config.environments[key.environment]
        users.setdefault((config.aws_of(environment), key.user), account_of(services, environment))
    for (_, user), account in users.items():
        yield _Part("the access keys", f"the IAM user {user}", _blocking(aws_secrets.access_keys, account, user))
    for region in config.aws.all_regions:
        here, account = f"AWS {region}", services.account
        for prefix in secrets.parameters:
            yield _Part(f"parameters {prefix}…", here, _blocking(aws_secrets.parameters, account, region, prefix))
        for prefix in secrets.secrets_manager:
            read_entries = _blocking(aws_secrets.secrets_manager, account, region, prefix)
            yield _Part(f"Secrets Manager {prefix}…", here, read_entries)
        if secrets.uses_aws:
            yield _Part("key pairs", here, _blocking(aws_secrets.key_pairs, account, region))


def _blocking(
    function: Callable[..., Iterable[SecretEntry]], *args: object
) -> Callable[[], Awaitable[Iterable[SecretEntry]]]:
    return partial(asked, lambda: tuple(function(*args)), timeout=TIMEOUT, doing="reading secrets in AWS")


def _of_hcp(services: Services) -> Iterator[_Part]:
    workspaces = set[tuple[str, str]]()
    for environment in services.config.environments.values():
        workspace = environment.terraform.hcp if environment.terraform else None
        if workspace is None or services.hcp is None or (workspace.organization, workspace.workspace) in workspaces:
            continue
        workspaces.add((workspace.organization, workspace.workspace))
        where = f"{workspace.organization}/{workspace.workspace}"
        listed = partial(
            variables.sensitive, services.hcp, workspace.organization, workspace.workspace, environment.name
        )
        yield _Part("the sensitive variables", where, listed)


async def _roles(services: Services, unreadable: list[Unreadable]) -> tuple[str, ...]:
    read_roles = partial(oidc.roles_for, services.account, services.config.github.repository)
    try:
        return await asked(read_roles, timeout=TIMEOUT, doing="reading the roles of the account")
    except RunnerError as error:
        unreadable.append(_unreadable(services, error, "the roles", "AWS"))
        return ()


def workflows_of_key(config: Config, inventory: Inventory, user: str) -> tuple[str, ...]:
    """The workflows that name a place at GitHub into which this user's key is written."""
    names = {
        place.github.upper()
        for key in config.secrets.rotate.values()
        if key.user == user
        for place in key.places
        if place.github and place.repository in (None, config.github.repository)
    }
    return tuple(dict.fromkeys(use.workflow for use in inventory.uses if use.name in names))


def oldest(config: Config) -> float:
    """The age in seconds from which a secret is overdue."""
    keys = config.watch.keys if config.watch else None
    return (keys or WatchKeys()).older_than.total_seconds()
