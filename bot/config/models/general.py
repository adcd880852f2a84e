"""What goes for everything: Slack, GitHub, AWS, who may do what, the terraform program, where files are kept."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from pydantic import Field

from bot.config.models import Model
from bot.config.values import Channel, Duration, Person, Region, Repository, Text


class Slack(Model):
    """Where alerts go, and whatever has no channel of its own."""

    channel: Channel


class GitHub(Model):
    """The repository (owner/name) with the Terraform code, the playbooks and the workflows."""

    repository: Repository


class Aws(Model):
    """Where the machines run. Without a profile boto3's usual places are asked for credentials.

    `regions` are those in which builders and images are looked after, when that is more than `region`.
    """

    region: Region
    regions: tuple[Region, ...] = ()
    profile: Text | None = None

    @property
    def all_regions(self) -> tuple[str, ...]:
        """Every region that is looked after, the one with the machines first."""
        return tuple(dict.fromkeys((self.region, *self.regions)))


class Access(Model):
    """User ids, or usergroup:<id>: who may run commands, and who may approve where an environment names nobody."""

    operators: Annotated[tuple[Person, ...], Field(min_length=1)]
    approvers: tuple[Person, ...] = ()


class TerraformProgram(Model):
    """The terraform program and how it is run; `program` unset: the one that is found (see `check`)."""

    program: Text | None = None
    plugin_cache: Text | None = None
    timeout: Duration = timedelta(minutes=30)
    cancel_grace: Duration = timedelta(minutes=5)


class Operations(Model):
    """Where operations keep their files (relative: beside the configuration), and how long a deploy may take."""

    directory: Text = "var"
    deploy_timeout: Duration = timedelta(hours=1)
