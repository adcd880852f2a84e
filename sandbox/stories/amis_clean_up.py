"""Old images: listed, one of them kept back, the others approved and removed with their snapshots."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from sandbox.stories._acting import announce, clicks, expect, gets_notice, shows, types
from sandbox.world import Options

if TYPE_CHECKING:
    from sandbox.aws import AwsHandle
    from sandbox.world import World

SUMMARY = (
    "old images are listed with what needs each; one is kept back, the others go once approved, with their snapshots"
)
CHANNELS = ("#ops",)
OWN_AWS = True
OPTIONS = Options()


async def play(world: World) -> None:
    """Act it out."""
    before = len(await asyncio.to_thread(_images, world.aws))
    await types(world, "ana", "#ops", "/infra amis")
    page = await gets_notice(world.person("ana"), "can be deleted")
    expect("newest: plans take it" in page.rendered, "the page does not say why an image is kept")
    await clicks(world, "ana", page, "Clean up…")
    ask = await shows(world, "#ops", "Waiting for approval", "12 images can be deleted")
    announce("lee keeps one of them back")
    await clicks(world, "lee", ask, "Choose what stays…")
    view = await world.person("lee").wait_for_view()
    first = view.blocks[0]["element"]["options"][0]["value"]
    await world.person("lee").submit(view, {"stay": [first]})
    ask = await shows(world, "#ops", "Waiting for approval", "11 images can be deleted")
    await clicks(world, "max", ask, "approve")
    await shows(world, "#ops", "11 of 11 removed", timeout=120)
    remaining = await asyncio.to_thread(_images, world.aws)
    expect(len(remaining) == before - 11, f"there were {before} images, and now there are {len(remaining)}")
    expect(first in remaining, "the image that was to stay is gone")


def _images(aws: AwsHandle) -> set[str]:
    return {describe_image["ImageId"] for describe_image in aws.ec2().describe_images(Owners=["self"])["Images"]}
