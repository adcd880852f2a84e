"""Lists all images of the configured machine roles, and whether each is in use, kept or can be deleted."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from botocore import exceptions

from runners.aws.client import (
    batches,
    escape_wildcards,
    explained,
    in_each_region,
    tags_of,
)
from runners.aws.images.other_accounts import reach, users_in
from runners.aws.images.own import own_images
from runners.aws.images.retention import assess, protection_of
from runners.aws.images.usage import read_usage
from runners.results import AssessedImage, ImageGroup, ImageList, RecycleBin, Retention, Snapshot

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from mypy_boto3_ec2 import EC2Client

    from runners.aws.client import Account
    from runners.aws.images.retention import Protection, RetentionRules
    from runners.aws.images.usage import Usage

SHARE_CHECKS = 300  # each a call: AWS answers whom an image is shared with for a single image
_PAGE = 500


async def list_images(
    account: Account,
    groups: Sequence[ImageGroup],
    rules: RetentionRules,
    *,
    share_checks: int = SHARE_CHECKS,
    timeout: float = 900.0,
) -> ImageList:
    """The images of all groups in all regions with their retention, by group as given, the newest first.

    At most `share_checks` images a region, the oldest first, are checked for sharing; the others stay UNKNOWN until
    those are deleted.
    """

    def read(region: str) -> tuple[list[AssessedImage], Usage]:
        return list_region(account, region, groups, rules, share_checks=share_checks)

    answers, failed = await in_each_region(account, read, what="images", timeout=timeout)
    order = {group: number for number, group in enumerate(groups)}
    images = [image for of_region, _ in answers.values() for image in of_region]
    # The sort is stable: within a group and region the newest image stays first.
    images.sort(key=lambda image: order[image.group])
    usages = [usage for _, usage in answers.values()]
    recycle_bin = RecycleBin(
        tuple(resource for usage in usages for resource in usage.bin.resources),
        tuple(rule for usage in usages for rule in usage.bin.rules),
    )
    return ImageList(tuple(images), (*failed, *(part for usage in usages for part in usage.unreadable)), recycle_bin)


def list_region(
    account: Account,
    region: str,
    groups: Sequence[ImageGroup],
    rules: RetentionRules,
    *,
    share_checks: int,
    only: str | None = None,
) -> tuple[list[AssessedImage], Usage]:
    """The images of a region, and what was read of their users. With `only`, usage and sharing are read for that image, and only its retention is valid.

    Blocks. Raises botocore's errors when the images themselves cannot be read.
    """
    ec2 = account.ec2(region)
    images = list(_images(ec2, region, groups))
    checked = [image for image, _ in images if only in (None, image.image_id)]
    wanted = {
        identifier
        for image in checked
        for identifier in (image.image_id, *(snapshot.snapshot_id for snapshot in image.snapshots))
    }
    usage = read_usage(account, region, wanted)
    by_group: defaultdict[ImageGroup, list[tuple[AssessedImage, Protection]]] = defaultdict(list)
    for image, protection in images:
        by_group[image.group].append((image, protection))
    assessed = [image for members in by_group.values() for image in assess(members, rules, usage=usage)]
    deletable = [
        image for image in assessed if image.retention is Retention.DELETABLE and only in (None, image.image_id)
    ]
    places = reach(rules.other_accounts) if deletable else ()
    sharing = _sharing(ec2, deletable, share_checks, {*rules.harmless_shares, *(place.number for place in places)})
    remaining = [image for image in deletable if image.image_id not in sharing.retained]
    reasons = sharing.retained | users_in(region, remaining, sharing.shares, places)
    return [_with_reason(image, reasons.get(image.image_id)) for image in assessed], usage


def _with_reason(image: AssessedImage, reason: tuple[Retention, str] | None) -> AssessedImage:
    return replace(image, retention=reason[0], reason=reason[1]) if reason else image


def _images(ec2: EC2Client, region: str, groups: Sequence[ImageGroup]) -> Iterator[tuple[AssessedImage, Protection]]:
    by_tag = {group.name_tag: group for group in reversed(groups)}
    for batch in batches(escape_wildcards(name) for name in by_tag):
        for answer in own_images(ec2, {"tag:Name": batch}):
            group = by_tag.get(tags_of(answer).get("Name", ""))
            if group:
                yield read_image(answer, region, group), protection_of(answer)


def read_image(answer: Mapping[str, Any], region: str, group: ImageGroup) -> AssessedImage:
    """An image as EC2 describes it; its retention is decided later."""
    return AssessedImage(
        region=region,
        image_id=answer["ImageId"],
        name=answer.get("Name", ""),
        group=group,
        created_at=datetime.fromisoformat(answer["CreationDate"]),
        state=answer.get("State", "available"),
        retention=Retention.UNKNOWN,
        snapshots=tuple(_snapshots(answer)),
        public=answer.get("Public", False),
    )


def _snapshots(answer: Mapping[str, Any]) -> Iterator[Snapshot]:
    for mapping in answer.get("BlockDeviceMappings", ()):
        ebs = mapping.get("Ebs", {})
        if "SnapshotId" in ebs:
            yield Snapshot(ebs["SnapshotId"], ebs.get("VolumeSize", 0))


@dataclass(frozen=True, slots=True)
class _Sharing:
    """Why images are kept for whom they are shared with, and the accounts that the others are shared with; both by id."""

    retained: dict[str, tuple[Retention, str]]
    shares: dict[str, tuple[str, ...]]


def _sharing(ec2: EC2Client, deletable: Collection[AssessedImage], checks: int, visible: Collection[str]) -> _Sharing:
    """Whom the images are shared with; an account that is not `visible` may use an image without our knowledge."""
    result = _Sharing({}, {})
    oldest_first = sorted(deletable, key=lambda image: image.created_at)
    for number, image in enumerate(image for image in oldest_first if not image.disabled):
        if number >= checks:
            reason = f"not looked at yet: {checks} older ones come first"
            result.retained[image.image_id] = (Retention.UNKNOWN, reason)
            continue
        doing = "reading whom it is shared with"
        try:
            others = _shared_with(ec2, image)
        except (exceptions.BotoCoreError, exceptions.ClientError) as error:
            reason = f"nobody can say whom it is shared with: {explained(error, doing).problem}"
            result.retained[image.image_id] = (Retention.UNKNOWN, reason)
            continue
        if unseen := [other for other in others if other not in visible]:
            reason = f"shared with {', '.join(unseen[:5])}, whose use of it we cannot see"
            result.retained[image.image_id] = (Retention.IN_USE, reason)
        else:
            result.shares[image.image_id] = others
    return result


def _shared_with(ec2: EC2Client, image: AssessedImage) -> tuple[str, ...]:
    attribute = ec2.describe_image_attribute(ImageId=image.image_id, Attribute="launchPermission")
    return tuple(
        "everybody"
        if permission.get("Group")
        else permission.get("UserId") or permission.get("OrganizationArn") or "an organizational unit"
        for permission in attribute.get("LaunchPermissions", ())
    )
