"""A stuck builder that somebody claims, and somebody else ends in the console: its message follows."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from sandbox.stories._acting import announce, clicks, expect, shows
from sandbox.world import Options

if TYPE_CHECKING:
    from sandbox.aws import AwsHandle
    from sandbox.world import World

SUMMARY = "a stuck builder is claimed by one person and ended in AWS's console by another; its message follows"
CHANNELS = ("#ops",)
OWN_AWS = True
OPTIONS = Options(config={"operations:\n": "watch:\n  builders: {every: 3s}\noperations:\n"})


async def play(world: World) -> None:
    """Act it out."""
    alert = await shows(world, "#ops", "left running, 3 h", timeout=30)
    await clicks(world, "max", alert, "It is mine…")
    view = await world.person("max").wait_for_view()
    await world.person("max").submit(view, {"hours": "4"})
    await shows(world, "#ops", "belongs to @max until", timeout=20)
    announce("somebody terminates the instance in the console, and deletes its security group there")
    await asyncio.to_thread(_by_hand, world.aws)
    remaining = await shows(world, "#ops", "but left something behind: `key pair packer_", timeout=30)
    await clicks(world, "lee", remaining, "Remove what is left")
    await shows(world, "#ops", "what it had left is removed for @lee", "key pair", "deleted", timeout=60)
    expect(len(world.channel("#ops").messages) == 1, "there is more than one message for one builder")


def _by_hand(aws: AwsHandle) -> None:
    ec2 = aws.ec2()
    answer = ec2.describe_instances(Filters=[{"Name": "tag:Name", "Values": ["Packer Builder"]}])
    builder = answer["Reservations"][0]["Instances"][0]
    ec2.terminate_instances(InstanceIds=[builder["InstanceId"]])
    ec2.delete_security_group(GroupId=builder["SecurityGroups"][0]["GroupId"])
