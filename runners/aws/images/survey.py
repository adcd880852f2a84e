"""All images of the configured machines: which are in use, which are kept, which can be deleted."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from botocore import exceptions

from runners.aws.client import KEEP_TAG, batches, explained, filters, in_each_region, listed, literally, tags_of
from runners.aws.images.standing import Marks, judged
from runners.aws.images.usage import read_usage
from runners.results import ImageGroup, ImageStanding, ImageSurvey, Snapshot, Standing

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from mypy_boto3_ec2 import EC2Client

    from runners.aws.client import Account
    from runners.results import KeepRule, Unreadable

SHARE_CHECKS = 300  # each a call: AWS answers whom an image is shared with for a single image
_PAGE = 500


async def survey(
    account: Account,
    groups: Sequence[ImageGroup],
    *,
    keep: KeepRule,
    named_elsewhere: Mapping[str, str],
    now: datetime,
    share_checks: int = SHARE_CHECKS,
    timeout: float = 900.0,
) -> ImageSurvey:
    """The images of all groups in all regions with their standing, by group as given, the newest first.

    `named_elsewhere` has what else needs an image, by its id ("named in the plan #12", "the image before the last
    apply"). At most `share_checks` images a region, the oldest first, are checked for sharing; the
    others stay `UNKNOWN` until those are deleted.
    """

    def ask(region: str) -> tuple[list[ImageStanding], tuple[Unreadable, ...]]:
        return survey_region(
            account, region, groups, keep=keep, named_elsewhere=named_elsewhere, now=now, share_checks=share_checks
        )

    answers, refused = await in_each_region(account, ask, what="images", timeout=timeout)
    order = {group: number for number, group in enumerate(groups)}
    images = [one for found, _ in answers.values() for one in found]
    # Stable: within a group and region they stay the newest first.
    images.sort(key=lambda one: order[one.group])
    return ImageSurvey(tuple(images), (*refused, *(one for _, missing in answers.values() for one in missing)))


def survey_region(
    account: Account,
    region: str,
    groups: Sequence[ImageGroup],
    *,
    keep: KeepRule,
    named_elsewhere: Mapping[str, str],
    now: datetime,
    share_checks: int,
    only: str | None = None,
) -> tuple[list[ImageStanding], tuple[Unreadable, ...]]:
    """One region's images. With `only`, users and sharing are read for that image alone, and the others mean little.

    Blocks. Raises botocore's errors when the images themselves cannot be read.
    """
    ec2 = account.ec2(region)
    images = list(_images(ec2, region, groups))
    asked = [image for image, _ in images if only in (None, image.image_id)]
    wanted = {one for image in asked for one in (image.image_id, *(each.snapshot_id for each in image.snapshots))}
    usage = read_usage(account, region, wanted)
    by_group: defaultdict[ImageGroup, list[tuple[ImageStanding, Marks]]] = defaultdict(list)
    for image, marks in images:
        by_group[image.group].append((image, marks))
    standing = [
        one
        for held in by_group.values()
        for one in judged(held, usage=usage, unread=usage.unread, keep=keep, named_elsewhere=named_elsewhere, now=now)
    ]
    free = [one for one in standing if one.standing is Standing.FREE and only in (None, one.image_id)]
    shared = _sharing(ec2, free, share_checks)
    return [shared.get(one.image_id, one) for one in standing], usage.unread


def _images(ec2: EC2Client, region: str, groups: Sequence[ImageGroup]) -> Iterator[tuple[ImageStanding, Marks]]:
    by_tag = {group.name_tag: group for group in reversed(groups)}
    for batch in batches(literally(name) for name in by_tag):
        for answer in own_images(ec2, {"tag:Name": batch}):
            group = by_tag.get(tags_of(answer).get("Name", ""))
            if group:
                protected = str(answer.get("DeregistrationProtection", "disabled")).startswith("enabled")
                yield read_image(answer, region, group), Marks(KEEP_TAG in tags_of(answer), protected)


def own_images(ec2: EC2Client, named: Mapping[str, Iterable[str]]) -> Iterator[Any]:
    """The account's own images, disabled ones as well, page by page.

    EC2 goes on showing deregistered ones for a while: they are left out.
    """
    more: Any = {"Owners": ["self"], "IncludeDisabled": True, "IncludeDeprecated": True}
    images = listed(ec2, "describe_images", "Images", page=_PAGE, Filters=filters(named), **more)
    return (image for image in images if image.get("State") != "deregistered")


def read_image(answer: Mapping[str, Any], region: str, group: ImageGroup) -> ImageStanding:
    """An image as EC2 describes it; nothing is known of its users yet."""
    launched = answer.get("LastLaunchedTime")
    return ImageStanding(
        region=region,
        image_id=answer["ImageId"],
        name=answer.get("Name", ""),
        group=group,
        created_at=datetime.fromisoformat(answer["CreationDate"]),
        state=answer.get("State", "available"),
        standing=Standing.UNKNOWN,
        snapshots=tuple(_snapshots(answer)),
        last_launched_at=datetime.fromisoformat(launched).astimezone(UTC) if isinstance(launched, str) else launched,
        public=answer.get("Public", False),
    )


def _snapshots(answer: Mapping[str, Any]) -> Iterator[Snapshot]:
    for mapping in answer.get("BlockDeviceMappings", ()):
        ebs = mapping.get("Ebs", {})
        if "SnapshotId" in ebs:
            yield Snapshot(ebs["SnapshotId"], ebs.get("VolumeSize", 0))


def _sharing(ec2: EC2Client, free: Collection[ImageStanding], checks: int) -> dict[str, ImageStanding]:
    """Those of the images that are shared, or of which that is not known, with what they stand as instead."""
    shared = {}
    oldest_first = sorted(free, key=lambda one: one.created_at)
    for number, image in enumerate(one for one in oldest_first if not one.disabled):
        if number < checks:
            standing, reason = _shared_with(ec2, image)
        else:
            standing, reason = Standing.UNKNOWN, f"not looked at yet: {checks} older ones come first"
        if standing is not Standing.FREE:
            shared[image.image_id] = replace(image, standing=standing, reason=reason)
    return shared


def _shared_with(ec2: EC2Client, image: ImageStanding) -> tuple[Standing, str]:
    doing = "reading whom it is shared with"
    try:
        attribute = ec2.describe_image_attribute(ImageId=image.image_id, Attribute="launchPermission")
    except (exceptions.BotoCoreError, exceptions.ClientError) as error:
        return Standing.UNKNOWN, f"nobody can say whom it is shared with: {explained(error, doing).problem}"
    others = [
        "everybody"
        if permission.get("Group")
        else permission.get("UserId") or permission.get("OrganizationArn") or "an organizational unit"
        for permission in attribute.get("LaunchPermissions", ())
    ]
    return (Standing.IN_USE, f"shared with {', '.join(others[:5])}") if others else (Standing.FREE, "")
