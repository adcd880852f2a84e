"""The general settings: Slack, GitHub, AWS, the terraform program, the directory of operations."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, ConfigDict, Field

from bot.config.models import Model
from bot.config.models.custom import CustomOperation
from bot.config.values import Address, Channel, Duration, Name, Region, Repository, Text
from runners.results import AwsPlace

if TYPE_CHECKING:
    from collections.abc import Mapping

DATABASE = "database"  # the value of operations.artifacts
# A keeper uses the database at most once a second, and stops its program half a lease after the last renewal.
SHORTEST_LEASE = timedelta(seconds=3)
_BUCKET = re.compile(r"s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:/([A-Za-z0-9!_.*'()/-]{0,200}))?")


def _artifacts(text: str) -> str:
    if "://" in text and not _BUCKET.fullmatch(text):
        raise ValueError(
            f'"{text[:60]}" is no bucket; write s3://bucket/prefix, "database", or the path of a directory'
        )
    return text


def _lease(length: timedelta) -> timedelta:
    if length < SHORTEST_LEASE:
        raise ValueError(
            f"is shorter than {SHORTEST_LEASE.total_seconds():.0f} s: a process renews its lease six times in that time, "
            "and one late renewal would stop an apply; write for example 2m"
        )
    return length


class Slack(Model):
    """The channel of alerts and of environments without a channel of their own; `manual` is the address of the team's manual.

    `blocks` are newer blocks that the workspace has.
    """

    channel: Channel
    manual: Address | None = None
    blocks: tuple[Literal["container", "data_table"], ...] = ()


class GitHub(Model):
    """The repository (owner/name) with the Terraform code, the playbooks and the workflows."""

    repository: Repository


class Aws(Model):
    """The AWS account of the machines. Without a profile boto3 looks for credentials in its usual order.

    `regions` are further regions in which builders and images are watched.
    """

    region: Region
    regions: tuple[Region, ...] = ()
    profile: Text | None = None

    @property
    def place(self) -> AwsPlace:
        """Where machines are, unless their environment says otherwise."""
        return AwsPlace(self.region, self.profile)

    @property
    def all_regions(self) -> tuple[str, ...]:
        """All watched regions, the region of the machines first."""
        return tuple(dict.fromkeys((self.region, *self.regions)))


class TerraformProgram(Model):
    """The terraform and terragrunt programs and their limits; without a name the bot looks them up (see `check`)."""

    program: Text | None = None
    terragrunt_program: Text | None = None
    plugin_cache: Text | None = None
    timeout: Duration = timedelta(minutes=30)
    cancel_grace: Duration = timedelta(minutes=5)


class Limits(Model):
    """What a child may use: megabytes of memory of a process, of a file and of /tmp; processes; open files of a process."""

    memory_mb: Annotated[int, Field(ge=256)] = 8192
    file_size_mb: Annotated[int, Field(ge=1)] = 20_480
    temporary_mb: Annotated[int, Field(ge=1)] = 2048
    processes: Annotated[int, Field(ge=16)] = 2048
    open_files: Annotated[int, Field(ge=64)] = 8192


class AtOnce(Model):
    """How many programs (terraform, ansible) run together: on one machine, and on all of them.

    None for a machine: two for each core, at most one for each GB of memory. None in `total`: no other limit.
    """

    machine: Annotated[int, Field(ge=1)] | None = None
    total: Annotated[int, Field(ge=1)] | None = None


def _page_address(url: str) -> str:
    """A base address of pages, without a slash at its end. Raises ValueError."""
    parts = urlsplit(url)
    plain = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in ("localhost", "127.0.0.1"))
    if not plain or not parts.hostname or parts.query or parts.fragment or parts.username or parts.password:
        raise ValueError("is an address by https, such as https://signalbox.example.com")
    return url.rstrip("/")


class Pages(Model):
    """The page of each operation at `url`, for people with a signed link that works for `links`.

    `behind_proxy`: the address takes only people whom the team's proxy knows; so it needs no link for what no role hides.
    """

    url: Annotated[Text, AfterValidator(_page_address)]
    links: Annotated[Duration, Field(ge=timedelta(minutes=5), le=timedelta(days=1))] = timedelta(hours=1)
    behind_proxy: bool = False


class Operations(Model):
    """The directory of the operations' files (relative to the configuration file), and the time limits of a deploy, a /run, a build.

    `lease` is how long a worker that does not answer keeps what it has begun.
    `cache_unused_after` is how long what was installed for an environment stays after its last use.
    `retention` is how long what an ended operation needed stays: the engine's rows, and what its buttons read.
    `when_slack_is_away`: a queued operation waits until its message is displayed, or starts all the same.
    `queue_limit` is how many operations of an environment may be open. `remind_of_locks` is how long a lock or freeze without an
    end stays before its person is mentioned, and again.
    `isolation` is the wall around children, or "none"; `readable` are paths of the machine that all children may read.
    `artifacts` is where saved plans and logs are stored for other machines: "database", s3://bucket/prefix, or a directory. None is
    the database for PostgreSQL; with SQLite they stay in the operation's own directory. Every other key is a custom
    operation.
    """

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[Name, CustomOperation] = Field(init=False)

    directory: Text = "var"
    artifacts: Annotated[Text, AfterValidator(_artifacts)] | None = None
    deploy_timeout: Duration = timedelta(hours=1)
    run_timeout: Duration = timedelta(hours=1)
    build_timeout: Duration = timedelta(hours=6)
    lease: Annotated[Duration, AfterValidator(_lease)] = timedelta(minutes=2)
    cache_unused_after: Duration = timedelta(days=30)
    retention: Annotated[Duration, Field(ge=timedelta(days=2))] = timedelta(days=30)
    when_slack_is_away: Literal["wait", "start"] = "wait"
    queue_limit: Annotated[int, Field(ge=1)] = 100
    remind_of_locks: Duration = timedelta(hours=8)
    isolation: Literal["wall", "none"] = "wall"
    readable: tuple[Text, ...] = ()
    limits: Limits = Limits()
    at_once: AtOnce = AtOnce()
    pages: Pages | None = None

    @property
    def custom(self) -> Mapping[str, CustomOperation]:
        """The custom operations by name."""
        return self.__pydantic_extra__

    @property
    def artifact_bucket(self) -> tuple[str, str] | None:
        """The bucket of `artifacts` and the prefix in it; None where that is no bucket."""
        match = _BUCKET.fullmatch(self.artifacts or "")
        return (match[1], match[2] or "") if match else None

    @property
    def artifact_directory(self) -> str | None:
        """The path of the directory of `artifacts`; None where that is none."""
        return None if self.artifacts in (None, DATABASE) or self.artifact_bucket else self.artifacts
