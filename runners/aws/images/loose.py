"""Storage that nobody needs any more: snapshots whose image is gone, and volumes of builds that nothing has attached."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from runners.aws.builders.leftovers import YOUNG, loose_volumes
from runners.aws.client import KEEP_TAG, filters, in_each_region, listed, tags_of
from runners.aws.images.survey import own_images
from runners.aws.images.usage import read_usage
from runners.results import OrphanedImageResources, OrphanedSnapshot

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runners.aws.builders.reading import Recognition
    from runners.aws.client import Account
    from runners.results import Unreadable

# How EC2 describes the snapshots that it makes for an image (CreateImage) or for a copy of one (CopyImage).
_DESCRIBED = ("Created by CreateImage(*", "Copied for DestinationAmi *")
_IMAGE = re.compile(r"(?:^Created by CreateImage\(.*?\) for |^Copied for DestinationAmi )(ami-[0-9a-f]+)")
_PAGE = 500
_YOUNG = timedelta(days=1)


async def loose_ends(
    account: Account, recognition: Recognition, *, now: datetime, timeout: float = 900.0
) -> OrphanedImageResources:
    """The snapshots that were made for images which are no more, the oldest first, and the unattached volumes of builds.

    Younger than a day (snapshots) or 15 minutes (volumes), used by something that launches from it, or protected by
    the tag signalbox:keep: left out. Where it cannot be read what is used, there are no snapshots and an `unread`.
    """

    def ask(region: str) -> tuple[list[OrphanedSnapshot], tuple[Unreadable, ...]]:
        return _unused(
            account, region, [orphan for orphan in _orphans(account, region) if now - orphan.created_at >= _YOUNG]
        )

    answers, refused = await in_each_region(account, ask, what="snapshots", timeout=timeout)
    volumes, missing = await loose_volumes(account, recognition, timeout=timeout)
    snapshots = [one for found, _ in answers.values() for one in found]
    return OrphanedImageResources(
        tuple(sorted(snapshots, key=lambda one: (one.created_at, one.snapshot_id))),
        tuple(one for one in volumes if now - one.created_at >= YOUNG),
        (*refused, *(one for _, unread in answers.values() for one in unread), *missing),
    )


def _orphans(account: Account, region: str) -> Iterator[OrphanedSnapshot]:
    ec2 = account.ec2(region)
    # The snapshots first: an image that is made meanwhile is then among the images, and not missed.
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
        if KEEP_TAG not in tags_of(snapshot)
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
    if usage.unread:
        return [], usage.unread
    return [snapshot for snapshot in snapshots if snapshot.snapshot_id not in usage.users], ()
