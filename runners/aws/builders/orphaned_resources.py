"""Orphaned resources of builds: of all builds, of a run, of a span of time, or of a builder."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, TypeVar

from botocore import exceptions

from runners.aws.builders.discovery import find_builders
from runners.aws.builders.recognition import DESCRIPTION, run_id_of
from runners.aws.client import escape_wildcards, explained, filters, in_each_region, listed, tags_of
from runners.concurrency import run_blocking
from runners.results import Builder, KeyPair, OrphanedResources, OrphanedSecurityGroup, OrphanedVolume

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from mypy_boto3_ec2 import EC2Client

    from runners.aws.builders.recognition import Recognition
    from runners.aws.client import Account
    from runners.results import Unreadable

    Resource = Builder | KeyPair | OrphanedSecurityGroup | OrphanedVolume
R = TypeVar("R", bound="Resource")

# A build makes its key pair and security group some time before its instance.
YOUNG = timedelta(minutes=15)
_SKEW = timedelta(minutes=2)
_PAGE = 500


async def find_orphans(
    account: Account,
    recognition: Recognition,
    *,
    now: datetime,
    run_id: int | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    timeout: float = 120.0,
) -> OrphanedResources:
    """Orphaned resources of the run `run_id`, or of what began between `since` and `until`; of all builds without these.

    A tag with a run's id decides if there is one; else the time in Packer's temporary names. Resources with neither are
    omitted when a run or a time is given. Unattached resources younger than 15 minutes are omitted as well, unless
    their tag names the run: a build may just be starting.
    """
    builders = await find_builders(account, recognition, timeout=timeout)
    volumes, unreadable = await orphaned_volumes(account, recognition, timeout=timeout)

    def matching(resources: Iterable[R]) -> tuple[R, ...]:
        return tuple(resource for resource in resources if _belongs(resource, now, run_id, since, until))

    return OrphanedResources(
        matching(builder for builder in builders.builders if builder.live),
        matching(builders.key_pairs),
        matching(builders.security_groups),
        matching(volumes),
        (*builders.unreadable, *unreadable),
    )


async def orphaned_volumes(
    account: Account, recognition: Recognition, *, timeout: float
) -> tuple[tuple[OrphanedVolume, ...], tuple[Unreadable, ...]]:
    """The volumes of builds (by name tag or run tag) that are attached to no instance, in all regions."""

    def read(region: str) -> list[OrphanedVolume]:
        return list(
            {volume.volume_id: volume for volume in _volumes(account.ec2(region), region, recognition)}.values()
        )

    answers, failed = await in_each_region(account, read, what="the volumes of builds", timeout=timeout)
    return tuple(volume for volumes in answers.values() for volume in volumes), failed


def _volumes(ec2: EC2Client, region: str, recognition: Recognition) -> Iterator[OrphanedVolume]:
    tags = [{"tag-key": (escape_wildcards(recognition.run_tag),)}]
    if recognition.name_tag:
        tags.append({"tag:Name": (escape_wildcards(recognition.name_tag),)})
    for tag in tags:
        query = filters({"status": ("available",), **tag})
        for volume in listed(ec2, "describe_volumes", "Volumes", page=_PAGE, Filters=query):
            created = volume["CreateTime"].astimezone(UTC)
            yield OrphanedVolume(
                region, volume["VolumeId"], volume["Size"], created, run_id_of(tags_of(volume), recognition)
            )


def _belongs(
    resource: Resource, now: datetime, run_id: int | None, since: datetime | None, until: datetime | None
) -> bool:
    if run_id is not None and resource.run_id is not None:
        return resource.run_id == run_id
    began = resource.created_at if isinstance(resource, OrphanedVolume) else resource.started_at
    if not isinstance(resource, Builder) and began and now - began < YOUNG:
        return False
    if since is None and until is None:
        return run_id is None
    if began is None:
        return False
    return (since is None or began >= since - _SKEW) and (until is None or began <= until + _SKEW)


async def orphans_of(account: Account, builder: Builder, *, timeout: float = 60.0) -> tuple[str, ...]:
    """What Packer made for this builder and still exists: "key pair packer_…", "volume vol-…".

    Raises:
        AccessDeniedError, UnavailableError: AWS refused the query, or cannot be reached; there may be orphans then.
    """
    doing = f"looking for what {builder.instance_id} left behind"

    def read() -> tuple[str, ...]:
        ec2 = account.ec2(builder.region)
        return (*_key_pairs_of(ec2, builder), *_groups_of(ec2, builder), *_volumes_of(ec2, builder))

    try:
        return await run_blocking(read, timeout=timeout, doing=doing)
    except (exceptions.BotoCoreError, exceptions.ClientError) as error:
        raise explained(error, doing) from None


def _key_pairs_of(ec2: EC2Client, builder: Builder) -> Iterator[str]:
    if key := builder.temporary_key:
        query = filters({"key-name": (escape_wildcards(key),)})
        for key_pair in ec2.describe_key_pairs(Filters=query)["KeyPairs"]:  # type: ignore[arg-type]
            yield f"key pair {key_pair['KeyName']}"


def _groups_of(ec2: EC2Client, builder: Builder) -> Iterator[str]:
    if ids := [group.group_id for group in builder.temporary_groups]:
        query = filters({"group-id": ids, "description": (DESCRIPTION,)})
        for group in ec2.describe_security_groups(Filters=query)["SecurityGroups"]:  # type: ignore[arg-type]
            yield f"security group {group['GroupName']}"


def _volumes_of(ec2: EC2Client, builder: Builder) -> Iterator[str]:
    own = [volume for volume in builder.volumes if volume.attached_at_launch and not volume.deleted_with_instance]
    if ids := [volume.volume_id for volume in own]:
        query = filters({"volume-id": ids, "status": ("creating", "available", "in-use", "error")})
        for volume in ec2.describe_volumes(Filters=query)["Volumes"]:  # type: ignore[arg-type]
            attached_to = {attachment.get("InstanceId") for attachment in volume.get("Attachments", ())}
            if not attached_to - {builder.instance_id}:
                yield f"volume {volume['VolumeId']}"
