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
    BackendSetting,
    Channel,
    FollowUp,
    Name,
    Ref,
    RepositoryPath,
    ResourceType,
    SecretSource,
    Text,
    Unit,
    Variable,
    WindowText,
)


class Hcp(Model):
    """A workspace of HCP Terraform."""

    organization: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,90}$")]
    workspace: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,90}$")]


class Terraform(Model):
    """How an environment's infrastructure is planned: from a directory of the repository, or in HCP Terraform.

    `variables` may be given with the command; destroying a resource of a `protected` type needs a typed confirmation.
    `secret_environment` maps a variable of the child to the name of one in the bot's environment. `aws_profile` replaces
    aws.profile for this environment. A mapping in `backend_config` is a block of the backend, or a setting with keys.
    """

    directory: RepositoryPath | None = None
    ref: Ref = "main"
    variables: tuple[Variable, ...] = ()
    protected: tuple[ResourceType, ...] = ()
    confirm_above: Annotated[int, Field(ge=0)] | None = None
    workspace: Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9._-]{0,89}$")] | None = None
    backend_config: Mapping[Variable, BackendSetting] = {}
    var_files: tuple[RepositoryPath, ...] = ()
    environment: Mapping[Variable, str] = {}
    secret_environment: Mapping[Variable, SecretSource] = {}
    aws_profile: Text | None = None
    hcp: Hcp | None = None


class Grants(Model):
    """What children of this environment reach beside their operation: paths that they may change, the metadata service."""

    writable: tuple[Text, ...] = ()
    metadata_service: bool = False


class Environment(Model):
    """An environment. `name` is its key in the file; `channel` is Slack's channel unless it has its own.

    Only a worker with all of the `worker_labels` takes its operations.
    """

    name: str
    channel: Channel
    machines: tuple[Name, ...] = ()
    promote: Promote | None = None
    deploy: Deploy
    terraform: Terraform | None = None
    refs: Refs = Refs()
    daemons: Mapping[Name, tuple[Unit, ...]] = {}
    daemon_checks: DaemonChecks = DaemonChecks()
    approval: Approval = Approval()
    after: Name | None = None
    windows: tuple[WindowText, ...] = ()
    code_deploy_after_old_image: FollowUp = "offer"
    isolation: Grants = Grants()
    worker_labels: tuple[Name, ...] = ()
