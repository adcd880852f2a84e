"""The machines that a user's configuration names, started in the stand-in for AWS."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sandbox.aws import REGION

if TYPE_CHECKING:
    from mypy_boto3_ec2.type_defs import TagTypeDef

    from sandbox.aws import AwsHandle

INSTANCE_TAG = "{environment} {machine}"
_BASE = "ami-0ba5e000000000001"


@dataclass(frozen=True, slots=True)
class Machine:
    """A running instance in a region, and in the account of a role where it has one."""

    name: str
    type_tag: str
    region: str
    role: str


def machines_of(config: Mapping[str, Any]) -> list[Machine]:
    """One for each role of each environment, and of each service or stack that has machines of its own."""
    tag = str((config.get("images") or {}).get("instance_tag") or INSTANCE_TAG)
    machines = {}
    for name, environment in (config.get("environments") or {}).items():
        place = {**(config.get("aws") or {}), **(environment.get("aws") or {})}
        for role in _roles(environment):
            machines[name, role] = Machine(
                f"{name}-{role}",
                tag.format(environment=name, machine=role),
                str(place.get("region") or REGION),
                str(place.get("role") or ""),
            )
    return [*machines.values()]


def _roles(environment: Mapping[str, Any]) -> list[str]:
    deploy, terraform = environment.get("deploy") or {}, environment.get("terraform") or {}
    parts = [*(deploy.get("services") or {}).values(), *(terraform.get("stacks") or {}).values()]
    each = [environment, *(part for part in parts if isinstance(part, Mapping))]
    return list(dict.fromkeys(str(role) for part in each for role in part.get("machines") or ()))


def start_machines(aws: AwsHandle, machines: list[Machine]) -> None:
    """Start them."""
    for each in machines:
        ec2 = aws.ec2(region=each.region, role=each.role)
        [started] = ec2.run_instances(ImageId=_BASE, MinCount=1, MaxCount=1)["Instances"]
        tags: list[TagTypeDef] = [{"Key": "Name", "Value": each.name}, {"Key": "type", "Value": each.type_tag}]
        ec2.create_tags(Resources=[started["InstanceId"]], Tags=tags)
