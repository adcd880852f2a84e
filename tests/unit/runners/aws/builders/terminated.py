"""Terminations in moto's EC2, and what they leave."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from runners.aws.builders.discovery import find_builders
from runners.aws.builders.recognition import Recognition
from runners.aws.builders.termination import terminate
from runners.aws.steps import Polling
from tests.unit.runners.ec2_world import (
    HOME,
    Built,
)

if TYPE_CHECKING:
    from runners.aws.client import Account
    from runners.results import Builder, Step, Termination

STARTED = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
MARKS = Recognition()
SHORT = Polling(timeout=0.3, interval=0.02)  # for what does not become done
LONG = Polling(timeout=60, interval=0.02)


async def discovered(account: Account) -> Builder:
    (builder,) = (await find_builders(account, MARKS)).builders
    return builder


async def end(account: Account, builder: Builder, **more: Any) -> Termination:
    return await terminate(account, builder, MARKS, **{"polling": LONG, **more})


def outcomes(steps: tuple[Step, ...]) -> list[tuple[str, str, str]]:
    return [(step.what, step.resource, step.outcome.value) for step in steps]


def remaining_of(account: Account, built: Built) -> set[str]:
    ec2 = account.ec2(HOME)
    keys = {describe_key_pair["KeyName"] for describe_key_pair in ec2.describe_key_pairs()["KeyPairs"]}
    groups = {
        describe_security_group["GroupId"]
        for describe_security_group in ec2.describe_security_groups()["SecurityGroups"]
    }
    volumes = {describe_volume["VolumeId"] for describe_volume in ec2.describe_volumes()["Volumes"]}
    held = ec2.describe_instances()["Reservations"]
    live = {i["InstanceId"] for item in held for i in item["Instances"] if i["State"]["Name"] != "terminated"}
    return (keys | groups | volumes | live) & {built.instance_id, built.key, built.group_id, *built.volumes}
