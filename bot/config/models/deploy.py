"""How code is deployed, and what is checked before and after."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, ClassVar, Literal, get_args

from pydantic import Field

from bot.config.models import Model
from bot.config.values import (
    CheckNames,
    Duration,
    Login,
    Playbook,
    Ref,
    Regex,
    Repository,
    RepositoryPath,
    SecretSource,
    Text,
    Variable,
    Workflow,
)


class Promote(Model):
    """The branches that a pull request merges before a deploy, in which repositories; how long its checks may take."""

    source: Ref = Field(alias="from")
    target: Ref = Field(alias="to")
    repositories: Annotated[tuple[Repository, ...], Field(min_length=1)]
    wait: Duration = timedelta(hours=1)


class DeploySettings(Model):
    """The keys that the section of every deploy backend has, and what the rest of the configuration asks of it."""

    ref: Ref = "main"

    # Whether Signalbox itself logs in to the machines: it then needs their list, and can check their daemons.
    reaches_hosts: ClassVar[bool] = False

    @property
    def secret_names(self) -> frozenset[str]:
        """The variables of the bot's environment whose values it uses."""
        return frozenset()


class GitHubActions(DeploySettings):
    """Deploys by a workflow. `mark_input` names the input that takes the operation's mark, if the workflow has one.

    `required_checks`: those that the branch requires (true), none (false), or those of these names. With `record` GitHub
    is told of each deploy, as a deployment of its own.
    """

    workflow: Workflow
    inputs: Mapping[Variable, str] = {}
    mark_input: Variable | None = None
    required_checks: CheckNames = True
    record: bool = True


class Ansible(DeploySettings):
    """Deploys by playbooks of the repository; secrets are names of variables in the bot's environment."""

    directory: RepositoryPath
    playbook: Playbook
    user: Login
    port: Annotated[int, Field(ge=1, le=65535)] = 22
    private_key_env: SecretSource | None = None
    address: Literal["public_dns", "private_ip"] = "public_dns"
    connection: Literal["ssh", "local"] = "ssh"
    pipelining: bool = True
    at_once: bool = False
    host_keys: Literal["first_sight", "console"] = "first_sight"
    extra_vars: Mapping[Variable, object] = {}
    secret_vars: Mapping[Variable, SecretSource] = {}

    reaches_hosts = True

    @property
    def secret_names(self) -> frozenset[str]:
        """The variables of playbooks, and the private key of ssh."""
        return frozenset({*self.secret_vars.values(), *filter(None, [self.private_key_env])})


class Deploy(Model):
    """How code is deployed: by exactly one backend, each of which has a section (see docs/extending.md)."""

    github_actions: GitHubActions | None = None
    ansible: Ansible | None = None

    @property
    def backend(self) -> str:
        """The name of the section that is configured."""
        return next(name for name in type(self).model_fields if getattr(self, name) is not None)

    @property
    def settings(self) -> DeploySettings:
        """The section that is configured."""
        section: DeploySettings = getattr(self, self.backend)
        return section


# The model of each section by the section's name.
DEPLOY_SECTIONS: Mapping[str, type[DeploySettings]] = {
    name: get_args(field.annotation)[0] for name, field in Deploy.model_fields.items()
}


class DaemonCommands(Model):
    """How a daemon is known, started and stopped where systemd has no unit of its name; `*` stands for all others.

    {daemon} is filled in. `command` is a regular expression that its command line matches.
    """

    command: Regex = ""
    pid_file: Text | None = None
    start: Text | None = None
    stop: Text | None = None


class DaemonChecks(Model):
    """How long daemons are looked at and waited for after a deploy, and what they are where there is no systemd."""

    settle: Duration = timedelta(seconds=10)
    stop_within: Duration = timedelta(seconds=30)
    without_systemd: Mapping[str, DaemonCommands] = {}
