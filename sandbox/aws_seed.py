"""The instances that AWS begins with: the machines, two old ones, and a builder that Packer left behind."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import boto3

from sandbox import fleet
from sandbox.packer import GROUP_DESCRIPTION, NAME_TAG, packer_name

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client
    from mypy_boto3_ec2.type_defs import TagTypeDef

BUILDER_AGE = 3 * 3_600.0  # seconds
_ROLL_OUT = 2 * 3_600.0  # machines start so many seconds after their image was made


def machines(url: str, region: str, now: float) -> dict[str, float]:
    """Start everything; returns the seconds by which each instance is older than AWS believes."""
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
    name = packer_name(random.Random("orphan"), started)
    ec2.create_key_pair(KeyName=name)
    group = ec2.create_security_group(GroupName=name, Description=GROUP_DESCRIPTION)["GroupId"]
    return _run(ec2, fleet.BASE_IMAGE, "t3.medium", {"Name": NAME_TAG}, key=name, group=group)


def _run(
    ec2: EC2Client, image_id: str, instance_type: str, tags: dict[str, str], *, key: str = "", group: str = ""
) -> str:
    written: list[TagTypeDef] = [{"Key": name, "Value": value} for name, value in tags.items()]
    made = ec2.run_instances(
        ImageId=image_id,
        InstanceType=instance_type,  # type: ignore[arg-type] # the stubs list every type there is
        MinCount=1,
        MaxCount=1,
        TagSpecifications=[{"ResourceType": "instance", "Tags": written}],
        **({"KeyName": key, "SecurityGroupIds": [group]} if key else {}),  # type: ignore[arg-type] # given together
    )
    return made["Instances"][0]["InstanceId"]
