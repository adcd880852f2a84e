"""AWS's Recycle Bin: an image in it can be restored only with its snapshots, so they stay."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from runners.aws.builders.recognition import Recognition
from runners.aws.images.orphaned_storage import find_orphaned_storage
from runners.results import Outcome, What
from tests.unit.runners.aws.images.listed import listed_images
from tests.unit.runners.aws.images.removals import deletable, go, there
from tests.unit.runners.ec2_world import HOME, refuse

if TYPE_CHECKING:
    from runners.aws.client import Account
    from runners.results import Removal
    from sandbox.aws_services import AwsServices

UNTIL = datetime(2026, 12, 3, tzinfo=UTC)


def recycled(services: AwsServices, removal: Removal) -> None:
    entry = {"ImageId": removal.image_id, "Name": removal.name, "RecycleBinExitTime": UNTIL}
    services.answer_with("ec2", "ListImagesInRecycleBin", {"Images": [entry]})


def rule(services: AwsServices, wanted: str, days: int = 7) -> None:
    def rules(call: Any) -> Any:
        period = {"RetentionPeriodValue": days, "RetentionPeriodUnit": "DAYS"}
        listing = [{"Identifier": "r1", "RetentionPeriod": period}]
        return {"Rules": listing if call.parameters["ResourceType"] == wanted and call.region == HOME else []}

    services.answer_with("rbin", "ListRules", rules)


async def test_what_is_in_the_bin_and_its_rules_are_listed(account: Account, aws_services: AwsServices) -> None:
    removal = await deletable(account)
    recycled(aws_services, removal)
    rule(aws_services, "EBS_SNAPSHOT")
    result = await listed_images(account)
    (first, _) = result.bin.resources  # the answers are the same in both regions
    assert (first.what, first.resource, first.name, first.until) == (What.IMAGE, removal.image_id, removal.name, UNTIL)
    assert [(each.region, each.what, each.days) for each in result.bin.rules] == [(HOME, What.SNAPSHOT, 7)]


@pytest.mark.parametrize("late", [False, True])
async def test_the_snapshots_of_an_image_that_went_into_the_bin_stay(
    account: Account, aws_services: AwsServices, *, late: bool
) -> None:
    removal = await deletable(account)
    rule(aws_services, "EC2_IMAGE")
    if not late:
        recycled(aws_services, removal)
    done = await go(account, removal)
    image, snapshot = done.steps
    assert (image.outcome, snapshot.outcome) == (Outcome.DONE, Outcome.SKIPPED)
    words = "a rule of the Recycle Bin may have kept" if late else "in the Recycle Bin until 03 December 2026"
    assert words in snapshot.reason
    assert (done.complete, done.freed_gb) == (True, 0)
    assert there(account, removal) == {snapshot.resource}


async def test_the_snapshots_of_an_image_in_the_bin_are_not_orphaned(
    account: Account, aws_services: AwsServices
) -> None:
    removal = await deletable(account)
    account.ec2(HOME).deregister_image(ImageId=removal.image_id)
    later = datetime.now(UTC) + timedelta(days=2)
    (orphaned,) = (await find_orphaned_storage(account, Recognition(), now=later)).snapshots
    recycled(aws_services, removal)
    assert (await find_orphaned_storage(account, Recognition(), now=later)).snapshots == ()
    done = await go(account, orphaned.removal)
    assert [step.outcome for step in done.steps] == [Outcome.ABSENT, Outcome.SKIPPED]
    assert there(account, removal) == {orphaned.snapshot_id}


async def test_a_snapshot_in_the_bin_frees_nothing_yet(account: Account, aws_services: AwsServices) -> None:
    removal = await deletable(account)
    (snapshot,) = removal.snapshots

    def after_the_deletion(_: Any) -> Any:
        entry = {"SnapshotId": snapshot.snapshot_id, "RecycleBinExitTime": UNTIL}
        return {"Snapshots": [] if snapshot.snapshot_id in there(account, removal) else [entry]}

    aws_services.answer_with("ec2", "ListSnapshotsInRecycleBin", after_the_deletion)
    done = await go(account, removal)
    assert done.steps[1].outcome is Outcome.RECYCLED
    assert done.steps[1].reason == "takes its storage until 03 December 2026"
    assert (done.complete, done.freed_gb) == (True, 0)


async def test_a_bin_that_cannot_be_read_right_after_the_deregistration_keeps_the_snapshots(account: Account) -> None:
    removal = await deletable(account)
    ec2 = account.ec2(HOME)

    def then(**_: Any) -> None:
        refuse(ec2, "ListImagesInRecycleBin", "UnauthorizedOperation")

    ec2.meta.events.register("after-call.ec2.DeregisterImage", then)
    done = await go(account, removal)
    assert done.steps[1].outcome is Outcome.SKIPPED
    assert "nobody can say whether its image is in the Recycle Bin: AWS forbids" in done.steps[1].reason
