"""Orphaned storage: snapshots of deleted images and volumes of builds are listed and removed."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from runners.aws.builders.recognition import Recognition
from runners.aws.images.orphaned_storage import find_orphaned_storage
from runners.results import Snapshot
from tests.unit.runners.aws.images.removals import NOW, deletable, go, there
from tests.unit.runners.ec2_world import HOME, image, listed_tags, refuse

if TYPE_CHECKING:
    from runners.aws.client import Account


async def test_snapshots_without_an_image_and_volumes_without_an_instance_are_found_and_removed(
    account: Account,
) -> None:
    remaining, protected = await deletable(account), image(account, "elsewhere", NOW - timedelta(days=300))
    ec2 = account.ec2(HOME)
    ec2.deregister_image(ImageId=remaining.image_id)
    mine: Any = [{"ResourceType": "volume", "Tags": listed_tags({"Name": "Packer Builder"})}]
    volume = ec2.create_volume(AvailabilityZone="us-west-2a", Size=7, TagSpecifications=mine)["VolumeId"]
    ec2.create_snapshot(VolumeId=volume, Description="nightly")
    later = datetime.now(UTC) + timedelta(days=2)
    result = await find_orphaned_storage(account, Recognition(), now=later)
    (orphaned,) = result.snapshots
    assert (orphaned.image_id, (Snapshot(orphaned.snapshot_id, orphaned.size_gb),)) == (
        remaining.image_id,
        remaining.snapshots,
    )
    assert [(item.volume_id, item.size_gb) for item in result.volumes] == [(volume, 7)]
    assert (await find_orphaned_storage(account, Recognition(), now=NOW - timedelta(days=90))).snapshots == ()
    done = await go(account, orphaned.removal)
    assert (done.complete, done.freed_gb, there(account, remaining)) == (True, 15, set())
    assert protected in {describe_image["ImageId"] for describe_image in ec2.describe_images(Owners=["self"])["Images"]}


async def test_loose_snapshots_are_not_told_where_their_use_cannot_be_read(account: Account) -> None:
    removal = await deletable(account)
    account.ec2(HOME).deregister_image(ImageId=removal.image_id)
    refuse(account.ec2(HOME), "DescribeFleets", "UnauthorizedOperation")
    result = await find_orphaned_storage(account, Recognition(), now=NOW)
    assert result.snapshots == ()
    assert [item.what for item in result.unreadable] == ["EC2 fleets"]


async def test_loose_snapshots_of_an_image_that_came_back_stay(account: Account) -> None:
    removal = await deletable(account)
    orphaned = replace(removal, name="", name_tag="")
    assert (await go(account, orphaned)).refused == "it is there again"
    assert len(there(account, removal)) == 2
