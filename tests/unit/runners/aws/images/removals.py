"""Removals of images in moto's EC2."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from runners.aws.images.listing import list_images
from runners.aws.images.removal import remove
from runners.aws.images.retention import RetentionRules
from runners.aws.steps import Polling
from runners.results import ImageGroup, KeepRule, Removal, RemovalResult
from tests.unit.runners.ec2_world import image

if TYPE_CHECKING:
    from runners.aws.client import Account

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
GROUP = ImageGroup("staging", "backend", "staging")
RULES = RetentionRules(KeepRule(newest=1, younger_than=timedelta(days=30)), {}, NOW)
SHORT = Polling(timeout=0.3, interval=0.02)  # for what does not become done
LONG = Polling(timeout=60, interval=0.02)


async def deletable(account: Account) -> Removal:
    """An image that can be deleted, beside a newer one."""
    image(account, "staging", NOW - timedelta(days=90))
    image(account, "staging", NOW - timedelta(days=60))
    (result,) = (await list_images(account, [GROUP], RULES)).deletable
    return result.removal


async def go(account: Account, removal: Removal, rules: RetentionRules = RULES, **more: Any) -> RemovalResult:
    return await remove(account, removal, rules, **{"polling": LONG, **more})


def there(account: Account, removal: Removal) -> set[str]:
    ec2 = account.ec2(removal.region)
    images = {describe_image["ImageId"] for describe_image in ec2.describe_images(Owners=["self"])["Images"]}
    snapshots = {
        describe_snapshot["SnapshotId"] for describe_snapshot in ec2.describe_snapshots(OwnerIds=["self"])["Snapshots"]
    }
    return (images | snapshots) & {removal.image_id, *(snapshot.snapshot_id for snapshot in removal.snapshots)}
