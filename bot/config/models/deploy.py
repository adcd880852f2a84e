"""Deploys: how code is deployed, and what is checked before and after."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, ClassVar, Literal, get_args

from pydantic import BeforeValidator, Field

from bot.config.matching import Or
from bot.config.models import Model
from bot.config.models.inputs import CommandInput, CommandInputs
from bot.config.models.ssh import EnvironmentPath, Ssh
from bot.config.values import (
    CheckNames,
    CollectionName,
    Duration,
    Group,
    InputName,
    Login,
    PipelineFiles,
    Playbook,
    Ref,
    Regex,
    Repository,
    RepositoryPath,
    SecretSource,
    Tag,
    Text,
    Variable,
    VersionRange,
    Workflow,
    parse_collection,
)
from runners.git_refs import path_matches
from runners.results import Bastion as Server


class Promote(Model):
    """The branches that pull requests merge before a deploy, their repositories, and the time limit of their checks.

    `pipeline`: the deploy waits for all runs that the merge starts (true), for none (false), or for those of these
    workflow files. `wait` limits both.
    """

    source: Ref = Field(alias="from")
    target: Ref = Field(alias="to")
    repositories: Annotated[tuple[Repository, ...], Field(min_length=1)]
    wait: Duration = timedelta(hours=1)
    pipeline: PipelineFiles = True


class DeploySettings(Model):
    """The section of a deploy backend: the keys that all backends have, and what other parts of the product read.

    `irreversible` are patterns of paths whose changes do not go back with the code, as of migrations of a database.
    """

    ref: Ref = "main"
    irreversible: tuple[RepositoryPath, ...] = ()

    # Whether Signalbox itself logs in to the machines: it then needs their list, and can check their daemons.
    reaches_hosts: ClassVar[bool] = False

    @property
    def secret_names(self) -> frozenset[str]:
        """The variables of the bot's environment that the section refers to."""
        return frozenset()

    @property
    def fixed_inputs(self) -> Mapping[str, str]:
        """The inputs that every deploy sends."""
        return {}

    @property
    def given_inputs(self) -> Mapping[str, CommandInput]:
        """The inputs that a person may give with the command."""
        return {}

    def is_irreversible(self, path: str) -> bool:
        """Whether a change of the file at this path does not go back with the code."""
        return any(path_matches(path, pattern) for pattern in self.irreversible)


class GitHubActions(DeploySettings):
    """Deploys by a workflow. `inputs` are always sent; `command_inputs` may be given with the command.

    `mark_input` names the workflow's input for the operation's mark.

    `required_checks`: those that the branch requires (true), none (false), or the checks with these names. With `record`
    GitHub records each deploy as a deployment. With `follow_runs_by_hand` the bot also reports runs of the workflow that
    were started outside of Slack.
    """

    workflow: Workflow
    inputs: Mapping[InputName, str] = {}
    command_inputs: CommandInputs = Field(default_factory=dict)
    mark_input: InputName | None = None
    required_checks: CheckNames = True
    record: bool = True
    follow_runs_by_hand: bool = True

    @property
    def fixed_inputs(self) -> Mapping[str, str]:
        """As configured."""
        return self.inputs

    @property
    def given_inputs(self) -> Mapping[str, CommandInput]:
        """As configured."""
        return self.command_inputs


class Collection(Model):
    """A collection that playbooks need; `version` is a range as ansible-galaxy reads it, such as ">=8,<10"."""

    name: CollectionName
    version: VersionRange = "*"


CollectionRange = Annotated[
    Collection, BeforeValidator(parse_collection), Or({"type": "string", "pattern": r"^\s*[A-Za-z_]\w*\.[A-Za-z_]"})
]


class Ansible(DeploySettings):
    """Deploys by playbooks of the repository; secrets are names of variables in the bot's environment.

    `command_inputs` are variables that may be given with the command. `inventory` lists the hosts in place of EC2's tags, `inventory_vars` has variables for EC2's. `groups` are further groups of every host. `collections` are installed beside those of the repository's requirements.yml.
    """

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
    inventory: EnvironmentPath | None = None
    inventory_vars: EnvironmentPath | None = None
    groups: tuple[Group, ...] = ()
    collections: tuple[CollectionRange, ...] = ()
    extra_vars: Mapping[Variable, object] = {}
    command_inputs: CommandInputs = Field(default_factory=dict)
    secret_vars: Mapping[Variable, SecretSource] = {}
    vault_password_env: SecretSource | None = None
    tags: tuple[Tag, ...] = ()
    skip_tags: tuple[Tag, ...] = ()
    ssh: Ssh = Field(default_factory=Ssh)

    reaches_hosts = True

    @property
    def secret_names(self) -> frozenset[str]:
        """The variables of playbooks, the private keys of ssh, and the vault password."""
        keys = [self.private_key_env, self.bastion_key_env, self.vault_password_env]
        return frozenset({*self.secret_vars.values(), *filter(None, keys)})

    def inventory_of(self, environment: str) -> str:
        """The path of the team's own inventory for an environment; "" where hosts are found by EC2's tags."""
        return (self.inventory or "").format(environment=environment)

    def host_key_file_of(self, environment: str) -> str:
        """The file of the repository with host keys, below `directory`; "" for none."""
        return (self.ssh.known_hosts_file or "").format(environment=environment)

    def inventory_vars_of(self, environment: str) -> str:
        """The directory with variables of groups and hosts for EC2's hosts; "" for those beside the playbooks alone."""
        return (self.inventory_vars or "").format(environment=environment)

    @property
    def bastion(self) -> Server | None:
        """The bastion between the bot and the hosts; None where ssh reaches them directly, or is not used."""
        bastion = self.ssh.bastion if self.connection == "ssh" else None
        if bastion is None:
            return None
        return Server(bastion.host, bastion.port, bastion.user or self.user, bastion.host_key)

    @property
    def through_sessions(self) -> bool:
        """Whether ssh goes through sessions of AWS Systems Manager."""
        return self.connection == "ssh" and self.ssh.session_manager

    @property
    def bastion_key_env(self) -> str | None:
        """The variable with the private key for the bastion: the hosts' unless it has its own; None without a bastion."""
        return (self.ssh.bastion.private_key_env or self.private_key_env) if self.ssh.bastion else None

    @property
    def given_inputs(self) -> Mapping[str, CommandInput]:
        """As configured."""
        return self.command_inputs


class Deploy(Model):
    """How code is deployed: by exactly one backend, each of which has a section (see docs/extending.md)."""

    github_actions: GitHubActions | None = None
    ansible: Ansible | None = None

    @property
    def backend(self) -> str:
        """The name of the configured section."""
        return next(name for name in type(self).model_fields if getattr(self, name) is not None)

    @property
    def settings(self) -> DeploySettings:
        """The configured section."""
        section: DeploySettings = getattr(self, self.backend)
        return section


# The model of each section by the section's name.
DEPLOY_SECTIONS: Mapping[str, type[DeploySettings]] = {
    name: get_args(field.annotation)[0] for name, field in Deploy.model_fields.items()
}


class DaemonCommands(Model):
    """How a daemon without a systemd unit is identified, started and stopped; the name `*` is for all others.

    {daemon} is a placeholder. `command` is a regular expression that its command line matches.
    """

    command: Regex = ""
    pid_file: Text | None = None
    start: Text | None = None
    stop: Text | None = None


class DaemonChecks(Model):
    """The time limits of the daemon checks after a deploy, and the daemons without systemd."""

    settle: Duration = timedelta(seconds=10)
    stop_within: Duration = timedelta(seconds=30)
    without_systemd: Mapping[str, DaemonCommands] = {}
