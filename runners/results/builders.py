"""Packer's builders, the jobs that they belong to, and their orphaned resources."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from runners.results.aws import Outcome
from runners.stored import stored

if TYPE_CHECKING:
    from datetime import datetime
    from decimal import Decimal

    from runners.results.aws import Step, Unreadable
    from runners.results.runs import Job, WorkflowRun


# packer-plugin-sdk's TimeOrderedUUID: the first eight hexadecimal digits are the Unix time in seconds.
TEMPORARY_NAME = re.compile(r"packer[_-]([0-9a-f]{8})-[0-9a-f-]{4,}")


LIVE = ("pending", "running", "stopping", "stopped")


@stored("match")
class Match(StrEnum):
    """By what an instance was recognised as a builder."""

    KEY_PAIR = "key pair"
    SECURITY_GROUP = "security group"
    NAME_TAG = "name tag"
    RUN_TAG = "run tag"


@stored("security-group")
@dataclass(frozen=True, slots=True)
class SecurityGroup:
    """A security group of a builder; `temporary` when it carries Packer's own name and description."""

    group_id: str
    name: str
    temporary: bool


@stored("attached-volume")
@dataclass(frozen=True, slots=True)
class AttachedVolume:
    """A volume of a builder; `deleted_with_instance` by AWS, or not; `attached_at_launch`, or later."""

    volume_id: str
    deleted_with_instance: bool
    attached_at_launch: bool


@stored("builder")
@dataclass(frozen=True, slots=True)
class Builder:
    """An instance on which Packer builds, or built, as EC2 lists it. Times are aware UTC.

    `started_at` is when Packer began (from the time in its temporary names, else `launched_at`); `image_id` what it
    was launched from; `run_id` the GitHub Actions run that its tags name; `protected` when the tag signalbox:keep
    protects it; `account` is its owner; `usage_operation` and `tenancy` what AWS bills it as; `state_reason` is
    EC2's reason for its state ("User initiated (2026-11-23 16:20:01 GMT)").
    """

    instance_id: str
    region: str
    type: str
    name: str
    state: str
    launched_at: datetime
    started_at: datetime
    matched_by: tuple[Match, ...]
    image_id: str
    zone: str
    key_name: str | None = None
    security_groups: tuple[SecurityGroup, ...] = ()
    volumes: tuple[AttachedVolume, ...] = ()
    iam_profile: str | None = None
    run_id: int | None = None
    spot: bool = False
    protected: bool = False
    account: str = ""
    usage_operation: str = ""
    tenancy: str = "default"
    state_reason: str = ""

    @property
    def live(self) -> bool:
        """Whether it exists and is not being terminated; Packer stops a builder while its image is made."""
        return self.state in LIVE

    @property
    def temporary_key(self) -> str | None:
        """The name of its key pair, if Packer made that for this build alone."""
        return self.key_name if self.key_name and TEMPORARY_NAME.fullmatch(self.key_name) else None

    @property
    def temporary_groups(self) -> tuple[SecurityGroup, ...]:
        """The security groups that Packer made for this build alone."""
        return tuple(group for group in self.security_groups if group.temporary)

    @property
    def temporary_profile(self) -> str | None:
        """The name of its IAM instance profile, if Packer made that for this build alone."""
        return self.iam_profile if self.iam_profile and TEMPORARY_NAME.fullmatch(self.iam_profile) else None

    @property
    def terminable(self) -> bool:
        """Whether it is certainly Packer's, and not protected: a name tag or a run tag alone is not enough."""
        return bool(self.temporary_key or self.temporary_groups) and not self.protected

    def age(self, now: datetime) -> timedelta:
        """The time since Packer began; zero where our clock is behind."""
        return max(now - self.started_at, timedelta())


@stored("joined-by")
class JoinedBy(StrEnum):
    """How a builder was joined to a job."""

    TAG = "tag"
    ONLY_JOB = "only job"
    ONE_OF_SEVERAL = "one of several"
    NO_JOB = "no job"
    UNREADABLE = "unreadable"


@stored("verdict")
class Verdict(StrEnum):
    """Whether a builder is in use or stuck. `ENDING`: its job has ended, and Packer may still be cleaning up."""

    BUSY = "busy"
    ENDING = "ending"
    ENDED = "ended"
    TOO_OLD = "too old"
    UNKNOWN = "unknown"


@stored("joined")
@dataclass(frozen=True, slots=True)
class Joined:
    """A builder with the job it belongs to.

    `certainty` says how certain that is ("by its tag", "one of 3 jobs that ran then"), `reason` is the reason of the
    verdict. `run` is None when no run, or several, are possible; `jobs` are the possible jobs, the likeliest first;
    `ended_at` is when the last of them ended.
    """

    builder: Builder
    verdict: Verdict
    joined_by: JoinedBy
    certainty: str
    reason: str
    run: WorkflowRun | None = None
    jobs: tuple[Job, ...] = ()
    ended_at: datetime | None = None

    @property
    def stuck(self) -> bool:
        """Whether a person has to act."""
        ours = self.builder.live and not self.builder.protected
        return ours and self.verdict in (Verdict.ENDED, Verdict.TOO_OLD)


@stored("cost")
@dataclass(frozen=True, slots=True)
class Cost:
    """What an instance has cost so far by AWS's price list, in US dollars: the instance itself, no volumes, no traffic."""

    dollars: Decimal
    hourly: Decimal


@stored("termination")
@dataclass(frozen=True, slots=True)
class Termination:
    """The outcome of terminating a builder: the instance first, then the resources that Packer made for it."""

    builder: Builder
    steps: tuple[Step, ...]

    @property
    def terminated(self) -> bool:
        """Whether the instance is terminated."""
        return bool(self.steps) and self.steps[0].removed

    @property
    def complete(self) -> bool:
        """Whether all that can be deleted is deleted; if not, call again, or read the reasons."""
        return all(step.final for step in self.steps) and self.terminated

    @property
    def refused(self) -> tuple[Step, ...]:
        """The steps that AWS or our own rules refused."""
        return tuple(step for step in self.steps if step.outcome is Outcome.REFUSED)


@stored("key-pair")
@dataclass(frozen=True, slots=True)
class KeyPair:
    """A key pair of Packer's that no instance uses."""

    region: str
    name: str
    started_at: datetime | None
    run_id: int | None = None


@stored("orphaned-security-group")
@dataclass(frozen=True, slots=True)
class OrphanedSecurityGroup:
    """A security group of Packer's that no instance uses."""

    region: str
    group_id: str
    name: str
    started_at: datetime | None
    run_id: int | None = None


@stored("orphaned-volume")
@dataclass(frozen=True, slots=True)
class OrphanedVolume:
    """A volume of a build's that no instance uses."""

    region: str
    volume_id: str
    size_gb: int
    created_at: datetime
    run_id: int | None = None


@dataclass(frozen=True, slots=True)
class BuilderList:
    """The builders of all regions, the oldest first; what could not be read is in `unreadable`: there may be more.

    `key_pairs` and `security_groups` are those of Packer's that no instance uses; a build makes them before its
    instance, so young ones may belong to a build that starts.
    """

    builders: tuple[Builder, ...]
    key_pairs: tuple[KeyPair, ...] = ()
    security_groups: tuple[OrphanedSecurityGroup, ...] = ()
    unreadable: tuple[Unreadable, ...] = ()


@stored("orphaned-resources")
@dataclass(frozen=True, slots=True)
class OrphanedResources:
    """Orphaned resources of builds; `builders` are instances that still exist."""

    builders: tuple[Builder, ...] = ()
    key_pairs: tuple[KeyPair, ...] = ()
    security_groups: tuple[OrphanedSecurityGroup, ...] = ()
    volumes: tuple[OrphanedVolume, ...] = ()
    unreadable: tuple[Unreadable, ...] = ()

    @property
    def empty(self) -> bool:
        """Whether there are no orphaned resources, as far as AWS could be read (see `unreadable`)."""
        return not (self.builders or self.key_pairs or self.security_groups or self.volumes)
