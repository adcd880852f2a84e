"""Which images can be deleted (moto): whatever uses them, is kept by rule, or cannot be read, keeps them."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from botocore.stub import Stubber

from runners.results import KeepRule, Retention
from tests.unit.runners.aws.images.listed import NOW, listed_images, of, old_and_new, protected, template
from tests.unit.runners.ec2_world import ABROAD, HOME, image, refuse

if TYPE_CHECKING:
    from runners.aws.client import Account


async def test_images_are_told_by_group_newest_first_with_sizes_and_snapshots(account: Account) -> None:
    cron = image(account, "cron-staging", NOW - timedelta(days=50))
    old = old_and_new(account)
    abroad = image(account, "staging", NOW - timedelta(days=70), region=ABROAD)
    image(account, "somebody-elses", NOW - timedelta(days=400))
    result = await listed_images(account)
    assert [(item.group.machine, item.region, item.retention.value) for item in result.images] == [
        ("backend", HOME, "newest"),
        ("backend", HOME, "free"),
        ("backend", ABROAD, "newest"),
        ("cron", HOME, "newest"),
    ]
    (deletable,) = result.deletable
    assert (deletable.image_id, deletable.size_gb, result.deletable_gb, len(deletable.snapshots)) == (old, 15, 15, 1)
    assert (deletable.created_at, deletable.disabled, deletable.reason) == (NOW - timedelta(days=90), False, "")
    assert {item.image_id for item in result.images} >= {cron, abroad}
    assert result.images[0].reason == "the newest one: Terraform's most_recent would pick it"
    assert result.unreadable == ()
    assert deletable.removal.snapshots == deletable.snapshots


@pytest.mark.parametrize(
    ("days", "keep", "retention", "reason"),
    [
        (90, KeepRule(3, timedelta(days=30)), Retention.BY_RULE, "one of the newest 3"),
        (90, KeepRule(2, timedelta(days=100)), Retention.BY_RULE, "younger than 100 d"),
        (90, KeepRule(2, timedelta(days=30)), Retention.DELETABLE, ""),
    ],
)
async def test_rules_keep_the_newest_few_and_the_young(
    account: Account, days: int, keep: KeepRule, retention: Retention, reason: str
) -> None:
    asked = image(account, "staging", NOW - timedelta(days=days))
    for newer in (1, 2):
        image(account, "staging", NOW - timedelta(days=days - newer))
    result = await of(account, asked, keep=keep)
    assert (result.retention, result.reason) == (retention, reason)


async def test_two_of_the_same_second_are_both_the_newest(account: Account) -> None:
    made = NOW - timedelta(days=90)
    image(account, "staging", made)
    image(account, "staging", made)
    assert [item.retention for item in (await listed_images(account)).images] == [Retention.NEWEST] * 2


async def test_a_disabled_image_is_not_the_newest_though_it_is_younger(account: Account) -> None:
    old = image(account, "staging", NOW - timedelta(days=90))
    young = image(account, "staging", NOW - timedelta(days=60))
    account.ec2(HOME).disable_image(ImageId=young)
    result = {item.image_id: item for item in (await listed_images(account)).images}
    assert result[old].retention is Retention.NEWEST
    assert (result[young].retention, result[young].disabled) == (Retention.DELETABLE, True)


async def test_a_tag_keeps_an_image(account: Account) -> None:
    used = old_and_new(account)
    protected(account, used)
    assert (await of(account, used)).reason == "the tag signalbox:keep protects it"


async def test_what_is_named_elsewhere_is_in_use(account: Account) -> None:
    used = old_and_new(account)
    result = await of(account, used, references={used: "named in the plan #12, which waits for approval"})
    assert (result.retention, result.reason) == (Retention.IN_USE, "named in the plan #12, which waits for approval")


@pytest.mark.parametrize(
    ("service", "operation"),
    [
        ("ec2", "DescribeInstances"),
        ("ec2", "DescribeLaunchTemplates"),
        ("ec2", "DescribeLaunchTemplateVersions"),
        ("ec2", "DescribeSpotFleetRequests"),
        ("ec2", "DescribeFleets"),
        ("ec2", "DescribeSpotInstanceRequests"),
        ("autoscaling", "DescribeLaunchConfigurations"),
        ("autoscaling", "DescribeAutoScalingGroups"),
        ("ssm", "DescribeParameters"),
        ("imagebuilder", "ListImageRecipes"),
        ("imagebuilder", "ListContainerRecipes"),
        ("imagebuilder", "ListImagePipelines"),
        ("backup", "ListBackupVaults"),
        ("ec2", "ListImagesInRecycleBin"),
        ("ec2", "ListSnapshotsInRecycleBin"),
        ("rbin", "ListRules"),
    ],
)
async def test_what_cannot_be_read_keeps_everything_of_its_region(
    account: Account, service: str, operation: str
) -> None:
    old = old_and_new(account)
    template(account, "ami-00000000000000001")
    abroad = image(account, "staging", NOW - timedelta(days=90), region=ABROAD)
    image(account, "staging", NOW - timedelta(days=60), region=ABROAD)
    refuse(account.client(service, HOME), operation, "UnauthorizedOperation")
    result = await listed_images(account)
    by_id = {item.image_id: item for item in result.images}
    assert by_id[old].retention is Retention.UNKNOWN
    assert f"AWS forbids {operation}" in by_id[old].reason
    assert by_id[abroad].retention is Retention.DELETABLE
    assert [item.region for item in result.unreadable] == [HOME]
    assert result.unreadable[0].remedy == f"Allow {service}:{operation} in the policy of the bot's role or user."


async def test_a_region_whose_images_cannot_be_read_is_told(account: Account) -> None:
    old_and_new(account)
    refuse(account.ec2(ABROAD), "DescribeImages", "UnauthorizedOperation")
    result = await listed_images(account)
    assert len(result.deletable) == 1
    assert [str(item) for item in result.unreadable] == [
        "images in eu-west-1: AWS forbids DescribeImages (UnauthorizedOperation)"
    ]


async def test_sharing_that_cannot_be_read_keeps_the_image(account: Account) -> None:
    used = old_and_new(account)
    refuse(account.ec2(HOME), "DescribeImageAttribute", "UnauthorizedOperation")
    result = await of(account, used)
    assert (result.retention, result.reason[:41]) == (Retention.UNKNOWN, "nobody can say whom it is shared with: AW")


async def test_only_so_many_are_asked_about_sharing_the_oldest_first(account: Account) -> None:
    oldest = image(account, "staging", NOW - timedelta(days=99))
    for days in (90, 80, 70):
        image(account, "staging", NOW - timedelta(days=days))
    result = await listed_images(account, share_checks=1)
    assert [item.image_id for item in result.deletable] == [oldest]
    unasked = [item for item in result.images if item.retention is Retention.UNKNOWN]
    assert [item.reason for item in unasked] == ["not looked at yet: 1 older ones come first"] * 2


async def test_every_page_of_images_is_read(account: Account) -> None:
    made = [image(account, "staging", NOW - timedelta(days=90 - number)) for number in range(3)]
    described = account.ec2(HOME).describe_images(ImageIds=made)["Images"]
    with Stubber(account.ec2(HOME)) as stubber:
        for number, item in enumerate(described):
            more = {} if number == 2 else {"NextToken": f"page-{number}"}
            stubber.add_response("describe_images", {"Images": [item], **more})
        stubber.add_response("describe_launch_templates", {"LaunchTemplates": []})
        stubber.add_response("describe_instances", {"Reservations": []})
        stubber.add_response("describe_spot_fleet_requests", {"SpotFleetRequestConfigs": []})
        stubber.add_response("describe_fleets", {"Fleets": []})
        stubber.add_response("describe_spot_instance_requests", {"SpotInstanceRequests": []})
        stubber.add_response("list_images_in_recycle_bin", {"Images": []})
        stubber.add_response("list_snapshots_in_recycle_bin", {"Snapshots": []})
        for _ in range(2):
            stubber.add_response("describe_image_attribute", {"LaunchPermissions": []})
        result = await listed_images(account)
    assert sorted(item.image_id for item in result.images) == sorted(made)
    assert len(result.deletable) == 2
