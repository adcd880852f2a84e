"""What builds have left behind: of one run, of a span of time, or of all."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, TypeVar

from runners.aws.builders.finding import find
from runners.aws.builders.reading import run_id_of
from runners.aws.client import filters, in_each_region, listed, literally, tags_of
from runners.results import Builder, KeyPair, OrphanedResources, OrphanedSecurityGroup, OrphanedVolume

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from mypy_boto3_ec2 import EC2Client

    from runners.aws.builders.reading import Recognition
    from runners.aws.client import Account
    from runners.results import Unreadable

    Left = Builder | KeyPair | OrphanedSecurityGroup | OrphanedVolume
L = TypeVar("L", bound="Left")

# A build makes its key pair and security group first, and its instance a little later.
YOUNG = timedelta(minutes=15)
_SKEW = timedelta(minutes=2)
_PAGE = 500


async def leftovers(
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
    builders = await find(account, recognition, timeout=timeout)
    volumes, unread = await loose_volumes(account, recognition, timeout=timeout)

    def of_ours(what: Iterable[L]) -> tuple[L, ...]:
        return tuple(resource for resource in what if _belongs(resource, now, run_id, since, until))

    return OrphanedResources(
        of_ours(builder for builder in builders.builders if builder.live),
        of_ours(builders.key_pairs),
        of_ours(builders.security_groups),
        of_ours(volumes),
        (*builders.unread, *unread),
    )


async def loose_volumes(
    account: Account, recognition: Recognition, *, timeout: float
) -> tuple[tuple[OrphanedVolume, ...], tuple[Unreadable, ...]]:
    """The volumes of builds (by name tag or run tag) that nothing has attached, in all regions."""

    def ask(region: str) -> list[OrphanedVolume]:
        return list(
            {volume.volume_id: volume for volume in _volumes(account.ec2(region), region, recognition)}.values()
        )

    answers, refused = await in_each_region(account, ask, what="the volumes of builds", timeout=timeout)
    return tuple(volume for volumes in answers.values() for volume in volumes), refused


def _volumes(ec2: EC2Client, region: str, recognition: Recognition) -> Iterator[OrphanedVolume]:
    marks = [{"tag-key": (literally(recognition.run_tag),)}]
    if recognition.name_tag:
        marks.append({"tag:Name": (literally(recognition.name_tag),)})
    for mark in marks:
        asked = filters({"status": ("available",), **mark})
        for volume in listed(ec2, "describe_volumes", "Volumes", page=_PAGE, Filters=asked):
            created = volume["CreateTime"].astimezone(UTC)
            yield OrphanedVolume(
                region, volume["VolumeId"], volume["Size"], created, run_id_of(tags_of(volume), recognition)
            )


def _belongs(resource: Left, now: datetime, run_id: int | None, since: datetime | None, until: datetime | None) -> bool:
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
