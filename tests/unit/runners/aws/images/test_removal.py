"""Removing images (moto): checked again, each effect seen, and brought to its end after a crash."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from moto.ec2.models import ec2_backends

from runners.aws.images.listing import list_images
from runners.aws.images.removal import disable, enable
from runners.errors import AccessDeniedError
from runners.results import KeepRule, Outcome, Removal, Step
from tests.unit.runners.aws.images.removals import GROUP, LONG, RULES, SHORT, deletable, go, there
from tests.unit.runners.ec2_world import HOME, MOTOS_ACCOUNT, answer, calls_of, listed_tags, refuse

if TYPE_CHECKING:
    from runners.aws.client import Account
    from runners.aws.images.retention import RetentionRules


async def test_an_image_goes_with_its_snapshots_and_each_is_told(account: Account) -> None:
    removal = await deletable(account)
    (snapshot,) = removal.snapshots
    observed: list[Step] = []

    async def on_step(step: Step) -> None:
        observed.append(step)
        await asyncio.sleep(0)

    done = await go(account, removal, on_step=on_step)
    assert [(step.what, step.resource, step.outcome) for step in done.steps] == [
        ("image", removal.image_id, Outcome.DONE),
        ("snapshot", snapshot.snapshot_id, Outcome.DONE),
    ]
    assert (tuple(observed), done.complete, done.refused, done.freed_gb) == (done.steps, True, "", 15)
    assert there(account, removal) == set()


@pytest.mark.parametrize("killed_before", ["DeregisterImage", "DescribeSnapshots", "DeleteSnapshot"])
async def test_after_a_crash_the_stored_removal_is_brought_to_its_end(account: Account, killed_before: str) -> None:
    class KilledError(BaseException):
        """Not even the code that handles errors sees it."""

    def kill(**_: Any) -> None:
        raise KilledError

    removal = await deletable(account)
    hook = f"before-call.ec2.{killed_before}"
    account.ec2(HOME).meta.events.register_first(hook, kill)
    with pytest.raises(KilledError):
        await go(account, removal)
    account.ec2(HOME).meta.events.unregister(hook, kill)
    done = await go(account, removal)
    assert (done.complete, done.freed_gb, there(account, removal)) == (True, 15, set())
    again = await go(account, removal)
    assert {step.outcome for step in again.steps} == {Outcome.ABSENT}
    assert (again.complete, again.freed_gb) == (True, 15)


async def test_an_image_that_ec2_still_shows_as_deregistered_is_gone(account: Account) -> None:
    removal = await deletable(account)
    ec2_backends[MOTOS_ACCOUNT][HOME].amis[removal.image_id].state = "deregistered"
    done = await go(account, removal)
    assert done.steps[0].outcome is Outcome.ABSENT
    assert removal.image_id not in {item.image_id for item in (await list_images(account, [GROUP], RULES)).images}


async def test_an_image_that_came_into_use_meanwhile_is_refused_and_stays_whole(account: Account) -> None:
    removal = await deletable(account)
    ec2 = account.ec2(HOME)
    (item,) = ec2.run_instances(ImageId=removal.image_id, MinCount=1, MaxCount=1)["Instances"]
    done = await go(account, removal)
    assert done.refused == f"used by instance {item['InstanceId']} (running)"
    assert (done.complete, done.freed_gb, len(there(account, removal))) == (False, 0, 2)


async def test_an_image_that_became_the_newest_meanwhile_is_refused(account: Account) -> None:
    removal = await deletable(account)
    ec2 = account.ec2(HOME)
    for describe_image in ec2.describe_images(Owners=["self"])["Images"]:
        if describe_image["ImageId"] != removal.image_id:
            ec2.deregister_image(ImageId=describe_image["ImageId"])
    assert "most_recent" in (await go(account, removal)).refused
    assert len(there(account, removal)) == 2


@pytest.mark.parametrize(
    ("rules", "why"),
    [
        (replace(RULES, references={"?": "named in the plan #12"}), "named in the plan #12"),
        (replace(RULES, keep=KeepRule(1, timedelta(days=100))), "younger than 100 d"),
    ],
)
async def test_what_the_rules_say_now_counts(account: Account, rules: RetentionRules, why: str) -> None:
    removal = await deletable(account)
    named = {removal.image_id if key == "?" else key: value for key, value in rules.references.items()}
    assert (await go(account, removal, replace(rules, references=named))).refused == why


async def test_what_cannot_be_read_now_keeps_the_image(account: Account) -> None:
    removal = await deletable(account)
    refuse(account.client("autoscaling", HOME), "DescribeAutoScalingGroups", "AccessDenied")
    assert "AWS forbids DescribeAutoScalingGroups" in (await go(account, removal)).refused
    refuse(account.ec2(HOME), "DescribeImages", "UnauthorizedOperation")
    with pytest.raises(AccessDeniedError, match=f"looking at {removal.image_id}"):
        await go(account, removal)


async def test_an_image_of_another_account_is_refused(account: Account) -> None:
    removal = await deletable(account)
    ec2 = account.ec2(HOME)
    others = ec2.register_image(Name="others", ImageLocation="s3://x")["ImageId"]
    of_theirs(others)
    done = await go(account, replace(removal, image_id=others))
    assert done.refused == "it belongs to another account (111122223333)"
    assert len(there(account, removal)) == 2


def of_theirs(image_id: str) -> None:
    ec2_backends[MOTOS_ACCOUNT][HOME].amis[image_id].owner_id = "111122223333"


async def test_an_image_whose_name_tag_was_changed_is_refused(account: Account) -> None:
    removal = await deletable(account)
    account.ec2(HOME).create_tags(Resources=[removal.image_id], Tags=listed_tags({"Name": "rescue"}))
    assert (await go(account, removal)).refused == 'its tag Name is not "staging" any more'


@pytest.mark.parametrize(
    ("code", "outcome"),
    [
        ("UnauthorizedOperation", Outcome.REFUSED),
        ("OperationNotPermitted", Outcome.REFUSED),
        ("Throttling", Outcome.WAITING),
    ],
)
async def test_a_deregistration_that_aws_refuses_leaves_the_snapshots(
    account: Account, code: str, outcome: Outcome
) -> None:
    removal = await deletable(account)
    refuse(account.ec2(HOME), "DeregisterImage", code)
    done = await go(account, removal, polling=SHORT)
    (step,) = done.steps
    assert (step.outcome, done.complete, len(there(account, removal))) == (outcome, False, 2)
    assert code in step.reason


async def test_a_throttled_deregistration_is_asked_for_again(account: Account) -> None:
    removal = await deletable(account)
    refused = refuse(account.ec2(HOME), "DeregisterImage", "RequestLimitExceeded", times=2)
    assert (await go(account, removal)).complete
    assert len(refused) == 2


async def test_a_snapshot_that_another_image_needs_is_kept(account: Account) -> None:
    removal = await deletable(account)
    refuse(account.ec2(HOME), "DeleteSnapshot", "InvalidSnapshot.InUse", message="in use by ami-0fedcba9876543210")
    done = await go(account, removal)
    snapshot = done.steps[1]
    assert snapshot.outcome is Outcome.SKIPPED
    assert "another image needs it" in snapshot.reason
    assert "ami-0fedcba9876543210" in snapshot.reason
    assert (done.complete, done.freed_gb) == (True, 0)


async def test_a_protected_snapshot_is_kept(account: Account) -> None:
    removal = await deletable(account)
    (snapshot,) = removal.snapshots
    account.ec2(HOME).create_tags(Resources=[snapshot.snapshot_id], Tags=listed_tags({"signalbox:keep": ""}))
    done = await go(account, removal)
    assert (done.steps[1].outcome, done.freed_gb) == (Outcome.SKIPPED, 0)
    assert there(account, removal) == {snapshot.snapshot_id}


async def test_a_snapshot_that_is_still_shown_is_not_called_gone(account: Account) -> None:
    removal = await deletable(account)
    answer(account.ec2(HOME), "DeleteSnapshot", {})
    done = await go(account, removal, polling=SHORT)
    assert (done.steps[1].outcome, done.steps[1].reason) == (
        Outcome.WAITING,
        "AWS has accepted it, but still shows it",
    )
    assert (done.complete, done.freed_gb) == (False, 0)


async def test_of_an_image_that_is_gone_snapshots_that_are_used_are_kept(account: Account) -> None:
    removal = await deletable(account)
    (snapshot,) = removal.snapshots
    ec2 = account.ec2(HOME)
    ec2.deregister_image(ImageId=removal.image_id)
    disk: Any = {"DeviceName": "/dev/sdb", "Ebs": {"SnapshotId": snapshot.snapshot_id}}
    ec2.create_launch_template(LaunchTemplateName="web", LaunchTemplateData={"BlockDeviceMappings": [disk]})
    stored = (await go(account, removal)).steps[1]
    assert (stored.outcome, stored.reason) == (Outcome.SKIPPED, "used by launch template web, version 1")
    refuse(ec2, "DescribeLaunchTemplates", "UnauthorizedOperation")
    assert "AWS forbids DescribeLaunchTemplates" in (await go(account, removal)).steps[1].reason


async def test_disabling_is_undone_by_enabling_and_both_can_be_repeated(account: Account) -> None:
    removal = await deletable(account)
    made = calls_of(account.ec2(HOME))
    for _ in range(2):
        assert (await disable(account, removal, RULES, polling=LONG)).complete
    assert state(account, removal) == "disabled"
    for _ in range(2):
        assert (await enable(account, removal, polling=LONG)).complete
    assert state(account, removal) == "available"
    asked = [operation for operation, _ in made]
    assert (asked.count("DisableImage"), asked.count("EnableImage")) == (1, 1)
    assert len(there(account, removal)) == 2


def state(account: Account, removal: Removal) -> str:
    return account.ec2(HOME).describe_images(ImageIds=[removal.image_id])["Images"][0]["State"]


async def test_a_disabled_image_is_removed_as_any_other(account: Account) -> None:
    removal = await deletable(account)
    await disable(account, removal, RULES, polling=LONG)
    assert (await go(account, removal)).complete
    missing = await enable(account, removal, polling=LONG)
    assert missing.steps[0].outcome is Outcome.ABSENT


async def test_an_image_in_use_is_not_disabled(account: Account) -> None:
    removal = await deletable(account)
    account.ec2(HOME).run_instances(ImageId=removal.image_id, MinCount=1, MaxCount=1)
    assert "used by instance" in (await disable(account, removal, RULES, polling=LONG)).refused
    assert state(account, removal) == "available"
