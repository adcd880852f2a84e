"""Lists all images of the configured machine roles, and whether each is in use, kept or can be deleted."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from botocore import exceptions

from runners.aws.client import (
    batches,
    escape_wildcards,
    explained,
    filters,
    in_each_region,
    listed,
    tags_of,
)
from runners.aws.images.retention import assess, protection_of
from runners.aws.images.usage import read_usage
from runners.results import AssessedImage, ImageGroup, ImageList, RecycleBin, Retention, Snapshot

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

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
    shared = _sharing(ec2, deletable, share_checks)
    return [shared.get(image.image_id, image) for image in assessed], usage


def _images(ec2: EC2Client, region: str, groups: Sequence[ImageGroup]) -> Iterator[tuple[AssessedImage, Protection]]:
    by_tag = {group.name_tag: group for group in reversed(groups)}
    for batch in batches(escape_wildcards(name) for name in by_tag):
        for answer in own_images(ec2, {"tag:Name": batch}):
            group = by_tag.get(tags_of(answer).get("Name", ""))
            if group:
                yield read_image(answer, region, group), protection_of(answer)


def own_images(ec2: EC2Client, named: Mapping[str, Iterable[str]]) -> Iterator[Any]:
    """The account's own images, also disabled ones, page by page.

    EC2 lists deregistered images for some time: they are omitted.
    """
    more: Any = {"Owners": ["self"], "IncludeDisabled": True, "IncludeDeprecated": True}
    images = listed(ec2, "describe_images", "Images", page=_PAGE, Filters=filters(named), **more)
    return (image for image in images if image.get("State") != "deregistered")


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


def _sharing(ec2: EC2Client, deletable: Collection[AssessedImage], checks: int) -> dict[str, AssessedImage]:
    """The images that are shared, or whose sharing is unknown, with that retention; by id."""
    shared = {}
    oldest_first = sorted(deletable, key=lambda image: image.created_at)
    for number, image in enumerate(image for image in oldest_first if not image.disabled):
        if number < checks:
            retention, reason = _shared_with(ec2, image)
        else:
            retention, reason = Retention.UNKNOWN, f"not looked at yet: {checks} older ones come first"
        if retention is not Retention.DELETABLE:
            shared[image.image_id] = replace(image, retention=retention, reason=reason)
    return shared


def _shared_with(ec2: EC2Client, image: AssessedImage) -> tuple[Retention, str]:
    doing = "reading whom it is shared with"
    try:
        attribute = ec2.describe_image_attribute(ImageId=image.image_id, Attribute="launchPermission")
    except (exceptions.BotoCoreError, exceptions.ClientError) as error:
        return Retention.UNKNOWN, f"nobody can say whom it is shared with: {explained(error, doing).problem}"
    others = [
        "everybody"
        if permission.get("Group")
        else permission.get("UserId") or permission.get("OrganizationArn") or "an organizational unit"
        for permission in attribute.get("LaunchPermissions", ())
    ]
    return (Retention.IN_USE, f"shared with {', '.join(others[:5])}") if others else (Retention.DELETABLE, "")
