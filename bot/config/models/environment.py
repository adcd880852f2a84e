"""An environment: its machines, its code, its infrastructure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from bot.config.models import Model
from bot.config.models.approval import Approval
from bot.config.models.deploy import DaemonChecks, Deploy, Promote
from bot.config.models.refs import Refs
from bot.config.values import (
    PART,
    BackendSetting,
    Channel,
    EnvironmentName,
    FollowUp,
    HcpName,
    Name,
    NameWithPart,
    Ref,
    Region,
    Repository,
    RepositoryPath,
    ResourceType,
    RoleArn,
    SecretSource,
    Text,
    Unit,
    Variable,
    WindowText,
)

TERRAFORM_RUNNERS = ("directory", "terragrunt", "hcp")  # keys of `terraform`, of which an environment has one


class Hcp(Model):
    """A workspace of HCP Terraform."""

    organization: HcpName
    workspace: HcpName


class Terraform(Model):
    """How an environment's infrastructure is planned: from a directory of the repository, by Terragrunt, or in HCP Terraform.

    `terragrunt` is a directory with Terragrunt's units, each of which is planned as a stack; in a stack it is one unit.
    `variables` may be given with the command, and `image_variables` among them set the image of each role; destroying a resource of a `protected` type needs a typed confirmation.
    `secret_environment` maps a variable of the child to the name of one in the bot's environment. `aws_profile` replaces
    the profile and the role of this environment. A mapping in `backend_config` is a block of the backend, or a setting with keys.
    `after` names the stacks of the same environment whose changes are applied before this stack is planned.
    """

    directory: RepositoryPath | None = None
    terragrunt: RepositoryPath | None = None
    ref: Ref = "main"
    variables: tuple[Variable, ...] = ()
    image_variables: Mapping[Name, Variable] = {}
    protected: tuple[ResourceType, ...] = ()
    confirm_above: Annotated[int, Field(ge=0)] | None = None
    workspace: Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9._-]{0,89}$")] | None = None
    backend_config: Mapping[Variable, BackendSetting] = {}
    var_files: tuple[RepositoryPath, ...] = ()
    environment: Mapping[Variable, str] = {}
    secret_environment: Mapping[Variable, SecretSource] = {}
    aws_profile: Text | None = None
    hcp: Hcp | None = None
    after: tuple[Name, ...] = ()

    @property
    def code(self) -> str | None:
        """The directory of the code that is planned on this machine; None with `hcp`."""
        return self.directory or self.terragrunt


class Grants(Model):
    """What children of this environment reach beside their operation: paths that they may change, the metadata service."""

    writable: tuple[Text, ...] = ()
    metadata_service: bool = False


class EnvironmentAws(Model):
    """Where an environment's machines are, where that is not as in `aws`; `role` is the ARN of a role to assume for them."""

    region: Region | None = None
    profile: Text | None = None
    role: RoleArn | None = None


class Environment(Model):
    """An environment, or a part of one: a stack or a service (bot/config/parts.py), named as in prod/dns.

    `name` is its key in the file; `channel` is Slack's channel unless it has its own. `repository` has its code where that
    is not github.repository. People may type one of its `aliases`. Only a worker with all of the `worker_labels` takes its operations.
    """

    name: str
    aliases: tuple[EnvironmentName, ...] = ()
    channel: Channel
    repository: Repository | None = None
    aws: EnvironmentAws = EnvironmentAws()
    machines: tuple[Name, ...] = ()
    promote: Promote | None = None
    deploy: Deploy | None = None
    terraform: Terraform | None = None
    refs: Refs = Refs()
    daemons: Mapping[Name, tuple[Unit, ...]] = {}
    daemon_checks: DaemonChecks = DaemonChecks()
    approval: Approval = Approval()
    after: NameWithPart | None = None
    windows: tuple[WindowText, ...] = ()
    code_deploy_after_old_image: FollowUp = "offer"
    isolation: Grants = Grants()
    worker_labels: tuple[Name, ...] = ()

    @property
    def whole(self) -> str:
        """The name of the environment that this is, or is a part of: "prod" for prod and for prod/dns."""
        return self.name.partition(PART)[0]

    @property
    def part(self) -> str:
        """The name of the stack or service in its environment; empty for a whole environment."""
        return self.name.partition(PART)[2]

    @property
    def file_name(self) -> str:
        """The name as that of a file or directory."""
        return self.name.replace(PART, ".")

    @property
    def has_units(self) -> bool:
        """Whether its code decides which stacks there are: the units of Terragrunt in a directory."""
        return bool(self.terraform and self.terraform.terragrunt and not self.part)

    @property
    def words(self) -> str:
        """The name as a command has it: "prod dns"."""
        return self.name.replace(PART, " ")

    def key_of(self, *keys: str) -> str:
        """Where signalbox.yaml has, or can have, a key of this environment: environments.prod.terraform.stacks.dns.refs."""
        if not self.part:
            return ".".join(("environments", self.name, *keys))
        section, parts = ("terraform", "stacks") if self.terraform else ("deploy", "services")
        own = keys[1:] if keys[:1] == (section,) else keys
        return ".".join(("environments", self.whole, section, parts, self.part, *own))
