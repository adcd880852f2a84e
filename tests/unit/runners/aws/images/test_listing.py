"""Which images may go (moto): whatever uses them, is kept by rule, or cannot be read, keeps them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import pytest
from botocore.stub import Stubber

from runners.aws.images.listing import list_images
from runners.aws.images.retention import RetentionRules
from runners.results import AssessedImage, ImageGroup, ImageList, KeepRule, Retention
from tests.unit.runners.ec2_world import ABROAD, HOME, answer, calls_of, image, listed_tags, refuse

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from runners.aws.client import Account

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
BACKEND, CRON = ImageGroup("staging", "backend", "staging"), ImageGroup("staging", "cron", "cron-staging")
KEEP = KeepRule(newest=1, younger_than=timedelta(days=30))


async def listed_images(
    account: Account,
    *groups: ImageGroup,
    keep: KeepRule = KEEP,
    references: Mapping[str, str] = MappingProxyType({}),
    **more: Any,
) -> ImageList:
    return await list_images(account, groups or (BACKEND, CRON), RetentionRules(keep, references, NOW), **more)


async def of(account: Account, image_id: str, **changes: Any) -> AssessedImage:
    (found,) = [one for one in (await listed_images(account, **changes)).images if one.image_id == image_id]
    return found


def old_and_new(account: Account) -> str:
    """An image that nothing needs, beside a newer one: its id."""
    old = image(account, "staging", NOW - timedelta(days=90))
    image(account, "staging", NOW - timedelta(days=60))
    return old


async def test_images_are_told_by_group_newest_first_with_sizes_and_snapshots(account: Account) -> None:
    cron = image(account, "cron-staging", NOW - timedelta(days=50))
    old = old_and_new(account)
    abroad = image(account, "staging", NOW - timedelta(days=70), region=ABROAD)
    image(account, "somebody-elses", NOW - timedelta(days=400))
    found = await listed_images(account)
    assert [(one.group.machine, one.region, one.retention.value) for one in found.images] == [
        ("backend", HOME, "newest"),
        ("backend", HOME, "free"),
        ("backend", ABROAD, "newest"),
        ("cron", HOME, "newest"),
    ]
    (deletable,) = found.deletable
    assert (deletable.image_id, deletable.size_gb, found.deletable_gb, len(deletable.snapshots)) == (old, 15, 15, 1)
    assert (deletable.created_at, deletable.disabled, deletable.reason) == (NOW - timedelta(days=90), False, "")
    assert {one.image_id for one in found.images} >= {cron, abroad}
    assert found.images[0].reason == "the newest one: Terraform's most_recent would pick it"
    assert found.unreadable == ()
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
    found = await of(account, asked, keep=keep)
    assert (found.retention, found.reason) == (retention, reason)


async def test_two_of_the_same_second_are_both_the_newest(account: Account) -> None:
    made = NOW - timedelta(days=90)
    image(account, "staging", made)
    image(account, "staging", made)
    assert [one.retention for one in (await listed_images(account)).images] == [Retention.NEWEST] * 2


async def test_a_disabled_image_is_not_the_newest_though_it_is_younger(account: Account) -> None:
    old = image(account, "staging", NOW - timedelta(days=90))
    young = image(account, "staging", NOW - timedelta(days=60))
    account.ec2(HOME).disable_image(ImageId=young)
    found = {one.image_id: one for one in (await listed_images(account)).images}
    assert found[old].retention is Retention.NEWEST
    assert (found[young].retention, found[young].disabled) == (Retention.DELETABLE, True)


def instance(account: Account, used: str) -> None:
    account.ec2(HOME).run_instances(ImageId=used, MinCount=1, MaxCount=1)


def stopped_instance(account: Account, used: str) -> None:
    ec2 = account.ec2(HOME)
    ec2.stop_instances(
        InstanceIds=[ec2.run_instances(ImageId=used, MinCount=1, MaxCount=1)["Instances"][0]["InstanceId"]]
    )


def template(account: Account, used: str, *, then: str = "ami-00000000000000000") -> None:
    ec2 = account.ec2(HOME)
    ec2.create_launch_template(LaunchTemplateName="web", LaunchTemplateData={"ImageId": used})
    ec2.create_launch_template_version(LaunchTemplateName="web", LaunchTemplateData={"ImageId": then})


def configuration(account: Account, used: str) -> None:
    scaling = account.client("autoscaling", HOME)
    scaling.create_launch_configuration(LaunchConfigurationName="lc", ImageId=used, InstanceType="t3.micro")


def scaling_group(account: Account, used: str) -> None:
    configuration(account, used)
    account.client("autoscaling", HOME).create_auto_scaling_group(
        AutoScalingGroupName="web", LaunchConfigurationName="lc", MinSize=0, MaxSize=0, AvailabilityZones=["us-west-2a"]
    )


def scaling_group_of_template(account: Account, used: str) -> None:
    template(account, used)
    account.client("autoscaling", HOME).create_auto_scaling_group(
        AutoScalingGroupName="web",
        LaunchTemplate={"LaunchTemplateName": "web", "Version": "1"},
        MinSize=0,
        MaxSize=0,
        AvailabilityZones=["us-west-2a"],
    )


def spot_fleet(account: Account, used: str) -> None:
    launched: Any = {"ImageId": used, "InstanceType": "t3.micro", "SubnetId": subnet(account)}
    account.ec2(HOME).request_spot_fleet(
        SpotFleetRequestConfig={
            "TargetCapacity": 1,
            "IamFleetRole": "arn:aws:iam::123456789012:role/fleet",
            "LaunchSpecifications": [launched],
            "SpotPrice": "0.1",
            "AllocationStrategy": "lowestPrice",
        }
    )


def subnet(account: Account) -> str:
    return str(account.ec2(HOME).describe_subnets()["Subnets"][0]["SubnetId"])


def shared(account: Account, used: str) -> None:
    account.ec2(HOME).modify_image_attribute(ImageId=used, LaunchPermission={"Add": [{"UserId": "111122223333"}]})


def public(account: Account, used: str) -> None:
    account.ec2(HOME).modify_image_attribute(ImageId=used, LaunchPermission={"Add": [{"Group": "all"}]})


def protected(account: Account, used: str) -> None:
    account.ec2(HOME).create_tags(Resources=[used], Tags=listed_tags({"signalbox:keep": ""}))


@pytest.mark.parametrize(
    ("use", "words"),
    [
        (instance, "(running)"),
        (stopped_instance, "(stopped)"),
        (template, "launch template web, version 1"),
        (configuration, "launch configuration lc"),
        (scaling_group, "Auto Scaling group web, launch configuration lc"),
        (scaling_group_of_template, "Auto Scaling group web, launch template web, version 1"),
        (spot_fleet, "spot fleet sfr-"),
        (shared, "shared with 111122223333"),
        (public, "it is public"),
    ],
)
async def test_whatever_uses_an_image_keeps_it_and_is_named(
    account: Account, use: Callable[[Account, str], None], words: str
) -> None:
    used = old_and_new(account)
    assert (await of(account, used)).retention is Retention.DELETABLE
    use(account, used)
    found = await of(account, used)
    assert found.retention is Retention.IN_USE
    assert words in found.reason


async def test_what_is_terminated_uses_nothing(account: Account) -> None:
    used = old_and_new(account)
    ec2 = account.ec2(HOME)
    (one,) = ec2.run_instances(ImageId=used, MinCount=1, MaxCount=1)["Instances"]
    ec2.terminate_instances(InstanceIds=[one["InstanceId"]])
    assert (await of(account, used)).retention is Retention.DELETABLE


async def test_a_tag_keeps_an_image(account: Account) -> None:
    used = old_and_new(account)
    protected(account, used)
    assert (await of(account, used)).reason == "the tag signalbox:keep protects it"


async def test_what_is_named_elsewhere_is_in_use(account: Account) -> None:
    used = old_and_new(account)
    found = await of(account, used, references={used: "named in the plan #12, which waits for approval"})
    assert (found.retention, found.reason) == (Retention.IN_USE, "named in the plan #12, which waits for approval")


async def test_many_users_are_counted_and_the_first_named(account: Account) -> None:
    used = old_and_new(account)
    account.ec2(HOME).run_instances(ImageId=used, MinCount=8, MaxCount=8)
    found = await of(account, used)
    assert (found.users, len(found.used_by)) == (8, 5)
    assert found.reason.endswith(" and 3 more")


@pytest.mark.parametrize(
    ("operation", "key", "told", "words"),
    [
        (
            "DescribeFleets",
            "Fleets",
            {
                "FleetId": "fleet-1",
                "FleetState": "active",
                "LaunchTemplateConfigs": [{"Overrides": [{"ImageId": "?"}]}],
            },
            "EC2 fleet fleet-1",
        ),
        (
            "DescribeSpotInstanceRequests",
            "SpotInstanceRequests",
            {"SpotInstanceRequestId": "sir-1", "State": "open", "LaunchSpecification": {"ImageId": "?"}},
            "spot request sir-1",
        ),
    ],
)
async def test_fleets_and_spot_requests_keep_what_they_would_launch(
    account: Account, operation: str, key: str, told: dict[str, Any], words: str
) -> None:
    used = old_and_new(account)
    answer(account.ec2(HOME), operation, {key: [_filled(told, used)]})
    assert (await of(account, used)).reason == f"used by {words}"


async def test_a_deleted_fleet_keeps_nothing(account: Account) -> None:
    used = old_and_new(account)
    fleet = {
        "FleetId": "f",
        "FleetState": "deleted_running",
        "LaunchTemplateConfigs": [{"Overrides": [{"ImageId": used}]}],
    }
    answer(account.ec2(HOME), "DescribeFleets", {"Fleets": [fleet]})
    assert (await of(account, used)).retention is Retention.DELETABLE


def _filled(told: Any, used: str) -> Any:
    if isinstance(told, dict):
        return {key: _filled(value, used) for key, value in told.items()}
    if isinstance(told, list):
        return [_filled(value, used) for value in told]
    return used if told == "?" else told


async def test_a_template_that_names_a_snapshot_keeps_its_image(account: Account) -> None:
    used = old_and_new(account)
    (snapshot,) = (await of(account, used)).snapshots
    disk: Any = {"DeviceName": "/dev/sdb", "Ebs": {"SnapshotId": snapshot.snapshot_id}}
    account.ec2(HOME).create_launch_template(
        LaunchTemplateName="web", LaunchTemplateData={"BlockDeviceMappings": [disk]}
    )
    found = await of(account, used)
    assert found.reason == f"its snapshot {snapshot.snapshot_id} is used by launch template web, version 1"


async def test_an_image_named_by_a_parameter_leaves_all_in_doubt(account: Account) -> None:
    used = old_and_new(account)
    template(account, "ami-00000000000000001", then="resolve:ssm:/images/web")
    found = await of(account, used)
    assert found.retention is Retention.UNKNOWN
    assert "launch template web, version 2 in us-west-2: it names its image by an SSM parameter" in found.reason


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
    found = await listed_images(account)
    by_id = {one.image_id: one for one in found.images}
    assert by_id[old].retention is Retention.UNKNOWN
    assert f"AWS forbids {operation}" in by_id[old].reason
    assert by_id[abroad].retention is Retention.DELETABLE
    assert [(one.region, operation in one.remedy) for one in found.unreadable] == [(HOME, True)]


async def test_a_region_whose_images_cannot_be_read_is_told(account: Account) -> None:
    old_and_new(account)
    refuse(account.ec2(ABROAD), "DescribeImages", "UnauthorizedOperation")
    found = await listed_images(account)
    assert len(found.deletable) == 1
    assert [str(one) for one in found.unreadable] == [
        "images in eu-west-1: AWS forbids DescribeImages (UnauthorizedOperation)"
    ]


async def test_sharing_that_cannot_be_read_keeps_the_image(account: Account) -> None:
    used = old_and_new(account)
    refuse(account.ec2(HOME), "DescribeImageAttribute", "UnauthorizedOperation")
    found = await of(account, used)
    assert (found.retention, found.reason[:41]) == (Retention.UNKNOWN, "nobody can say whom it is shared with: AW")


async def test_only_so_many_are_asked_about_sharing_the_oldest_first(account: Account) -> None:
    oldest = image(account, "staging", NOW - timedelta(days=99))
    for days in (90, 80, 70):
        image(account, "staging", NOW - timedelta(days=days))
    found = await listed_images(account, share_checks=1)
    assert [one.image_id for one in found.deletable] == [oldest]
    unasked = [one for one in found.images if one.retention is Retention.UNKNOWN]
    assert [one.reason for one in unasked] == ["not looked at yet: 1 older ones come first"] * 2


async def test_few_images_are_asked_for_by_id_and_not_by_listing_all_instances(account: Account) -> None:
    used = old_and_new(account)
    made = calls_of(account.ec2(HOME))
    await listed_images(account)
    (asked,) = [params for operation, params in made if operation == "DescribeInstances"]
    named = {one["Name"]: one["Values"] for one in asked["Filters"]}
    assert used in named["image-id"]
    assert "terminated" not in named["instance-state-name"]


async def test_every_page_of_images_is_read(account: Account) -> None:
    made = [image(account, "staging", NOW - timedelta(days=90 - number)) for number in range(3)]
    described = account.ec2(HOME).describe_images(ImageIds=made)["Images"]
    with Stubber(account.ec2(HOME)) as stubber:
        for number, one in enumerate(described):
            more = {} if number == 2 else {"NextToken": f"page-{number}"}
            stubber.add_response("describe_images", {"Images": [one], **more})
        stubber.add_response("describe_launch_templates", {"LaunchTemplates": []})
        stubber.add_response("describe_instances", {"Reservations": []})
        stubber.add_response("describe_spot_fleet_requests", {"SpotFleetRequestConfigs": []})
        stubber.add_response("describe_fleets", {"Fleets": []})
        stubber.add_response("describe_spot_instance_requests", {"SpotInstanceRequests": []})
        for _ in range(2):
            stubber.add_response("describe_image_attribute", {"LaunchPermissions": []})
        found = await listed_images(account)
    assert sorted(one.image_id for one in found.images) == sorted(made)
    assert len(found.deletable) == 2
