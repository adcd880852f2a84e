"""An old image comes into use between the list and the click: it is checked again, and kept."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from sandbox import fleet
from sandbox.stories._acting import announce, clicks, expect, gets_notice, shows, types

if TYPE_CHECKING:
    from sandbox.aws import AwsHandle
    from sandbox.world import World

SUMMARY = "an image comes into use between the list and the click; it is checked again, and kept"
CHANNELS = ("#ops",)
OWN_AWS = True


async def play(world: World) -> None:
    """Act it out."""
    await types(world, "ana", "#ops", "/infra amis")
    page = await gets_notice(world.person("ana"), "can be deleted")
    await clicks(world, "ana", page, "Clean up…")
    ask = await shows(world, "#ops", "Waiting for approval", "12 images can be deleted")
    old = fleet.Image("dev", "sftp", 1).image_id
    announce(f"somebody starts an instance from {old} in the console")
    await asyncio.to_thread(_start, world.aws, old)
    await clicks(world, "lee", ask, "approve")
    message = await shows(world, "#ops", "11 of 12 removed", "1 was left", timeout=120)
    expect(
        f"{old} " in message.rendered and "used by instance" in message.rendered,
        "the message does not say why it stays",
    )
    expect(await asyncio.to_thread(_is_there, world.aws, old), "the image in use is gone")


def _start(aws: AwsHandle, image_id: str) -> None:
    aws.ec2().run_instances(ImageId=image_id, InstanceType="t3.small", MinCount=1, MaxCount=1)


def _is_there(aws: AwsHandle, image_id: str) -> bool:
    return bool(aws.ec2().describe_images(ImageIds=[image_id])["Images"])
