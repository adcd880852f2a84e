"""The Recycle Bin: deregistered images and deleted snapshots that can be restored for a time, and the rules that put them there."""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING, Any

from runners.aws.client import listed
from runners.results import Recycled, RecycleRule, What

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_ec2 import EC2Client

    from runners.aws.client import Account

_PAGE = 1000
_TYPES = {What.IMAGE: "EC2_IMAGE", What.SNAPSHOT: "EBS_SNAPSHOT"}


def images(ec2: EC2Client, region: str) -> Iterator[Recycled]:
    """The images in the bin. DescribeImages does not list them; their snapshots are listed unless they are in the bin too."""
    for image in listed(ec2, "list_images_in_recycle_bin", "Images", page=_PAGE):
        yield _recycled(What.IMAGE, region, image["ImageId"], image)


def snapshots(ec2: EC2Client, region: str) -> Iterator[Recycled]:
    """The snapshots in the bin, which are billed until they leave it."""
    for snapshot in listed(ec2, "list_snapshots_in_recycle_bin", "Snapshots", page=_PAGE):
        yield _recycled(What.SNAPSHOT, region, snapshot["SnapshotId"], snapshot)


def rules(account: Account, region: str, what: What) -> Iterator[RecycleRule]:
    """The retention rules for images or snapshots. A rule may be limited to tags."""
    client = account.client("rbin", region)
    for rule in listed(client, "list_rules", "Rules", page=_PAGE, ResourceType=_TYPES[what]):
        yield RecycleRule(region, what, rule.get("RetentionPeriod", {}).get("RetentionPeriodValue", 0))


def keeps(account: Account, region: str, image_id: str, *, just_deregistered: bool) -> str:
    """Why the snapshots of a deregistered image must stay, empty when they can be deleted; with the end of the retention.

    AWS: an image in the bin whose snapshots are gone cannot be restored. The bin may show the image late, so right after
    the deregistration a rule alone keeps the snapshots: the next clean-up finds them without an image. Blocks.
    """
    for recycled in images(account.ec2(region), region):
        if recycled.resource == image_id:
            until = f" until {recycled.until:%d %B %Y}" if recycled.until else ""
            return f"its image is in the Recycle Bin{until} and could not be restored without it"
    if just_deregistered and any(rules(account, region, What.IMAGE)):
        return "a rule of the Recycle Bin may have kept its image; the next clean-up checks again"
    return ""


def _recycled(what: What, region: str, resource: str, answer: Any) -> Recycled:
    until = answer.get("RecycleBinExitTime")
    return Recycled(what, region, resource, answer.get("Name", ""), until.astimezone(UTC) if until else None)
