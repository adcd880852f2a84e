"""What uses an image or its snapshots keeps the image, and is named."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from runners.results import Retention
from tests.unit.runners.aws.images.listed import listed_images, of, old_and_new, template
from tests.unit.runners.ec2_world import HOME, answer, calls_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from runners.aws.client import Account


def instance(account: Account, used: str) -> None:
    account.ec2(HOME).run_instances(ImageId=used, MinCount=1, MaxCount=1)


def stopped_instance(account: Account, used: str) -> None:
    ec2 = account.ec2(HOME)
    ec2.stop_instances(
        InstanceIds=[ec2.run_instances(ImageId=used, MinCount=1, MaxCount=1)["Instances"][0]["InstanceId"]]
    )


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
    result = await of(account, used)
    assert result.retention is Retention.IN_USE
    assert words in result.reason


async def test_what_is_terminated_uses_nothing(account: Account) -> None:
    used = old_and_new(account)
    ec2 = account.ec2(HOME)
    (item,) = ec2.run_instances(ImageId=used, MinCount=1, MaxCount=1)["Instances"]
    ec2.terminate_instances(InstanceIds=[item["InstanceId"]])
    assert (await of(account, used)).retention is Retention.DELETABLE


async def test_many_users_are_counted_and_the_first_named(account: Account) -> None:
    used = old_and_new(account)
    account.ec2(HOME).run_instances(ImageId=used, MinCount=8, MaxCount=8)
    result = await of(account, used)
    assert (result.users, len(result.used_by)) == (8, 5)
    assert result.reason.endswith(" and 3 more")


@pytest.mark.parametrize(
    ("operation", "key", "message", "words"),
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
    account: Account, operation: str, key: str, message: dict[str, Any], words: str
) -> None:
    used = old_and_new(account)
    answer(account.ec2(HOME), operation, {key: [_filled(message, used)]})
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


def _filled(message: Any, used: str) -> Any:
    if isinstance(message, dict):
        return {key: _filled(value, used) for key, value in message.items()}
    if isinstance(message, list):
        return [_filled(value, used) for value in message]
    return used if message == "?" else message


async def test_a_template_that_names_a_snapshot_keeps_its_image(account: Account) -> None:
    used = old_and_new(account)
    (snapshot,) = (await of(account, used)).snapshots
    disk: Any = {"DeviceName": "/dev/sdb", "Ebs": {"SnapshotId": snapshot.snapshot_id}}
    account.ec2(HOME).create_launch_template(
        LaunchTemplateName="web", LaunchTemplateData={"BlockDeviceMappings": [disk]}
    )
    result = await of(account, used)
    assert result.reason == f"its snapshot {snapshot.snapshot_id} is used by launch template web, version 1"


async def test_an_image_named_by_a_parameter_leaves_all_in_doubt(account: Account) -> None:
    used = old_and_new(account)
    template(account, "ami-00000000000000001", then="resolve:ssm:/images/web")
    result = await of(account, used)
    assert result.retention is Retention.UNKNOWN
    assert (
        "version 2 in us-west-2: it names its image by the SSM parameter /images/web, which does not" in result.reason
    )


async def test_few_images_are_asked_for_by_id_and_not_by_listing_all_instances(account: Account) -> None:
    used = old_and_new(account)
    made = calls_of(account.ec2(HOME))
    await listed_images(account)
    (asked,) = [params for operation, params in made if operation == "DescribeInstances"]
    named = {item["Name"]: item["Values"] for item in asked["Filters"]}
    assert used in named["image-id"]
    assert "terminated" not in named["instance-state-name"]
