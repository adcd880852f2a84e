"""The models of the file as people write it: environments with their stacks and services, which `inherit` spreads out.

They are for the JSON Schema, and for the keys that a fault suggests; values are read into `Config`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from bot.config.models.approval import Approval
from bot.config.models.config import Config
from bot.config.models.deploy import DaemonChecks, Deploy, Promote
from bot.config.models.environment import Environment, EnvironmentAws, Grants, Terraform
from bot.config.models.refs import Refs
from bot.config.values import Channel, EnvironmentName, FollowUp, Name, NameWithPart, Repository, Unit, WindowText


class Stack(Terraform):
    """A stack of an environment: the keys of `terraform`, and those of the environment that it has for itself."""

    channel: Channel | None = None
    repository: Repository | None = None
    aws: EnvironmentAws | None = None
    machines: tuple[Name, ...] | None = None
    refs: Refs | None = None
    approval: Approval | None = None
    windows: tuple[WindowText, ...] | None = None
    code_deploy_after_old_image: FollowUp | None = None
    isolation: Grants | None = None
    worker_labels: tuple[Name, ...] | None = None


class Service(Deploy):
    """A service of an environment: the keys of `deploy`, and those of the environment that it has for itself."""

    channel: Channel | None = None
    repository: Repository | None = None
    aws: EnvironmentAws | None = None
    machines: tuple[Name, ...] | None = None
    promote: Promote | None = None
    refs: Refs | None = None
    daemons: Mapping[Name, tuple[Unit, ...]] | None = None
    daemon_checks: DaemonChecks | None = None
    approval: Approval | None = None
    after: NameWithPart | None = None
    windows: tuple[WindowText, ...] | None = None
    isolation: Grants | None = None
    worker_labels: tuple[Name, ...] | None = None


class WrittenTerraform(Terraform):
    """Terraform of one directory or workspace; or `stacks`, for each of which the other keys are defaults."""

    stacks: Annotated[Mapping[Name, Stack], Field(min_length=1)] | None = None


class WrittenDeploy(Deploy):
    """One way to deploy code; or `services`, for each of which the other keys are defaults."""

    services: Annotated[Mapping[Name, Service], Field(min_length=1)] | None = None


class WrittenEnvironment(Environment):
    """An environment. `channel` is Slack's channel unless it has its own."""

    deploy: WrittenDeploy | None = None
    terraform: WrittenTerraform | None = None


class WrittenConfig(Config):
    """The whole of signalbox.yaml."""

    environments: Annotated[Mapping[EnvironmentName, WrittenEnvironment], Field(min_length=1)]
