"""The instances that the stand-in for AWS begins with: the hosts, two old instances, and an orphaned builder of Packer."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import boto3

from sandbox import fleet

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client
    from mypy_boto3_ec2.type_defs import TagTypeDef

BUILDER_AGE = 3 * 3_600.0  # seconds
_ROLL_OUT = 2 * 3_600.0  # seconds from the creation of an image to the start of its instances


def machines(url: str, region: str, now: float) -> dict[str, float]:
    """Start all instances; returns by how many seconds each is older than its launch time in AWS."""
    ec2 = boto3.client("ec2", endpoint_url=url, region_name=region)
    ages = {_start(ec2, image): now - image.made_at(now) - _ROLL_OUT for image in _running()}
    old, older = fleet.Image("staging", "backend", 2), fleet.Image("prod", "cron", 1)
    stopped, terminated = _start(ec2, old), _start(ec2, older)
    ec2.stop_instances(InstanceIds=[stopped])
    ec2.terminate_instances(InstanceIds=[terminated])
    ages |= {stopped: now - old.made_at(now), terminated: now - older.made_at(now)}
    return {**ages, _builder(ec2, now - BUILDER_AGE): BUILDER_AGE}


def _running() -> list[fleet.Image]:
    return [
        fleet.running_image(environment, machine) for environment in fleet.ENVIRONMENTS for machine in fleet.MACHINES
    ]


def _start(ec2: EC2Client, image: fleet.Image) -> str:
    tags = {"Name": f"{image.environment}-{image.machine}", "type": f"{image.environment} {image.machine}"}
    return _run(ec2, image.image_id, "t3.small" if image.machine in {"cron", "sftp"} else "t3.medium", tags)


def _builder(ec2: EC2Client, started: float) -> str:
    name = fleet.packer_name(random.Random("orphan"), started)
    ec2.create_key_pair(KeyName=name)
    group = ec2.create_security_group(GroupName=name, Description=fleet.PACKER_GROUP_DESCRIPTION)["GroupId"]
    return _run(ec2, fleet.BASE_IMAGE, "t3.medium", {"Name": fleet.PACKER_NAME_TAG}, key=name, group=group)


def _run(
    ec2: EC2Client, image_id: str, instance_type: str, tags: dict[str, str], *, key: str = "", group: str = ""
) -> str:
    tag_list: list[TagTypeDef] = [{"Key": name, "Value": value} for name, value in tags.items()]
    started = ec2.run_instances(
        ImageId=image_id,
        InstanceType=instance_type,  # type: ignore[arg-type] # the stubs list all types
        MinCount=1,
        MaxCount=1,
        TagSpecifications=[{"ResourceType": "instance", "Tags": tag_list}],
        **({"KeyName": key, "SecurityGroupIds": [group]} if key else {}),  # type: ignore[arg-type] # both or neither
    )
    return started["Instances"][0]["InstanceId"]
