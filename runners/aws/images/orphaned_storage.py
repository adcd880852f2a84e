"""Finds orphaned storage: snapshots whose image was deleted, and volumes of builds that are attached to no instance."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from runners.aws.builders.orphaned_resources import YOUNG, orphaned_volumes
from runners.aws.client import PROTECTION_TAG, filters, in_each_region, listed, tags_of
from runners.aws.images.own import own_images
from runners.aws.images.usage import read_usage
from runners.results import OrphanedImageResources, OrphanedSnapshot

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runners.aws.builders.recognition import Recognition
    from runners.aws.client import Account
    from runners.results import Unreadable

# How EC2 describes the snapshots that it makes for an image (CreateImage) or for a copy of one (CopyImage).
_DESCRIBED = ("Created by CreateImage(*", "Copied for DestinationAmi *")
_IMAGE = re.compile(r"(?:^Created by CreateImage\(.*?\) for |^Copied for DestinationAmi )(ami-[0-9a-f]+)")
_PAGE = 500
_YOUNG = timedelta(days=1)


async def find_orphaned_storage(
    account: Account, recognition: Recognition, *, now: datetime, timeout: float = 900.0
) -> OrphanedImageResources:
    """The snapshots of images that were deleted, the oldest first, and the unattached volumes of builds.

    Without those that are younger than a day (snapshots) or 15 minutes (volumes), in use, of an image in the Recycle Bin,
    or protected by the tag signalbox:keep. Where usage cannot be read, there are no snapshots, and the reason is in `unreadable`.
    """

    def read(region: str) -> tuple[list[OrphanedSnapshot], tuple[Unreadable, ...]]:
        return _unused(
            account, region, [orphan for orphan in _orphans(account, region) if now - orphan.created_at >= _YOUNG]
        )

    answers, failed = await in_each_region(account, read, what="snapshots", timeout=timeout)
    volumes, unread_volumes = await orphaned_volumes(account, recognition, timeout=timeout)
    snapshots = [snapshot for of_region, _ in answers.values() for snapshot in of_region]
    return OrphanedImageResources(
        tuple(sorted(snapshots, key=lambda snapshot: (snapshot.created_at, snapshot.snapshot_id))),
        tuple(volume for volume in volumes if now - volume.created_at >= YOUNG),
        (*failed, *(part for _, unreadable in answers.values() for part in unreadable), *unread_volumes),
    )


def _orphans(account: Account, region: str) -> Iterator[OrphanedSnapshot]:
    ec2 = account.ec2(region)
    # Snapshots are read first, so that an image which is made meanwhile is among the images.
    candidates = {
        snapshot["SnapshotId"]: (made_for.group(1), snapshot["VolumeSize"], snapshot["StartTime"].astimezone(UTC))
        for snapshot in listed(
            ec2,
            "describe_snapshots",
            "Snapshots",
            page=_PAGE,
            OwnerIds=["self"],
            Filters=filters({"description": _DESCRIBED}),
        )
        if (made_for := _IMAGE.match(snapshot.get("Description", ""))) and snapshot["OwnerId"] == account.number()
        if PROTECTION_TAG not in tags_of(snapshot)
    }
    images = set()
    for image in own_images(ec2, {}):
        images.add(image["ImageId"])
        for mapping in image.get("BlockDeviceMappings", ()):
            candidates.pop(mapping.get("Ebs", {}).get("SnapshotId", ""), None)
    for snapshot_id, (image_id, size, started) in candidates.items():
        if image_id not in images:
            yield OrphanedSnapshot(region, snapshot_id, image_id, size, started)


def _unused(
    account: Account, region: str, snapshots: list[OrphanedSnapshot]
) -> tuple[list[OrphanedSnapshot], tuple[Unreadable, ...]]:
    if not snapshots:
        return [], ()
    usage = read_usage(account, region, {snapshot.snapshot_id for snapshot in snapshots})
    if usage.unreadable:
        return [], usage.unreadable
    # An image in the Recycle Bin can be restored, but not without its snapshots.
    recycled = {resource.resource for resource in usage.bin.resources}
    free = (snapshot for snapshot in snapshots if snapshot.snapshot_id not in usage.users)
    return [snapshot for snapshot in free if snapshot.image_id not in recycled], ()
