"""What staging has that prod has not: commits with their pull requests, images, machines, variables, in one message."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from sandbox.stories._acting import announce, clicks, expect, gets_notice, shows, types
from sandbox.stories._infrastructure import commit

if TYPE_CHECKING:
    from sandbox.slack import Message
    from sandbox.world import World

SUMMARY = (
    "/infra diff dev staging: commits with authors and pull requests, images, machines, Terraform's variables, daemons"
)
CHANNELS = ("#dev", "#staging", "#ops")
OWN_AWS = True


async def play(world: World) -> None:
    """Act it out."""
    await types(world, "ana", "#staging", "/deploy staging")
    ask = await shows(world, "#staging", "#1 ", "Waiting for approval")
    await clicks(world, "lee", ask, "approve")
    await shows(world, "#staging", ":white_check_mark:", "#1 ", "to 4 hosts")
    announce("two commits later dev is deployed, and gets a bigger machine")
    commit(world, {"README.md": "Another line.\n"}, "Describe the machines")
    newest = commit(world, {"README.md": "Two lines.\n"}, "Describe the backups")
    await types(world, "ana", "#dev", "/deploy dev")
    await shows(world, "#dev", ":white_check_mark:", "#2 ", "deployed")
    await asyncio.to_thread(_grow, world)

    await types(world, "ana", "#ops", "/infra diff dev staging")
    answer = await gets_notice(world.person("ana"), "What dev has that staging has not")
    _has(
        answer,
        "2 commits of dev are not in staging",
        newest.short,
        "Describe the backups",
        "*backend*",
        "dev 1 t3.large + 1 t3.medium, staging 1 t3.medium",
        "same types and counts: `cron`",
        "`images.backend`: dev",
    )
    await types(world, "ana", "#ops", "/infra diff staging dev code")
    answer = await gets_notice(world.person("ana"), "What staging has that dev has not")
    _has(answer, "2 commits of dev are not in staging")
    expect("*Images*" not in answer.rendered, "one section was asked for")
    await types(world, "ana", "#ops", "/infra diff dev dev")
    await gets_notice(world.person("ana"), "Name two environments")


def _has(message: Message, *pieces: str) -> None:
    for piece in pieces:
        expect(piece in message.rendered, f"{piece} is missing in:\n{message.rendered}")


def _grow(world: World) -> None:
    tags = [{"Key": "type", "Value": "dev backend"}, {"Key": "Name", "Value": "dev-backend-2"}]
    ec2 = world.aws.client("ec2")
    image = ec2.describe_images(Owners=["self"])["Images"][0]["ImageId"]
    given = [{"ResourceType": "instance", "Tags": tags}]
    ec2.run_instances(ImageId=image, InstanceType="t3.large", MinCount=1, MaxCount=1, TagSpecifications=given)
