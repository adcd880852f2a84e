"""A rolling deploy stops at its first host: the others are named as not reached, and a retry takes all of them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from sandbox import fleet
from sandbox.github.seed import INFRASTRUCTURE
from sandbox.stories._acting import announce, clicks, expect, shows, types
from sandbox.stories._infrastructure import commit
from sandbox.world import Options

if TYPE_CHECKING:
    from sandbox.aws import AwsHandle
    from sandbox.world import World

SUMMARY = "a rolling deploy stops at its first host: the others are named as not reached, and a retry takes all of them"
CHANNELS = ("#staging",)
OPTIONS = Options()
OWN_AWS = True
_PLAYBOOK = "provisioners/deploy-cron.yml"


async def play(world: World) -> None:
    """Act it out."""
    announce("staging gets two more cron servers, and they are deployed one after the other")
    await asyncio.to_thread(_start_two, world.aws)
    full = world.machines_of("staging") / "the-disk-is-full"
    full.touch()
    text = world.github.repository(INFRASTRUCTURE).graph.resolve("main").files[_PLAYBOOK].decode()
    task = f"\n    - name: Install the crontab\n      ansible.builtin.command: test ! -e {full}\n"
    rolling = text.replace("  gather_facts: false\n", "  gather_facts: false\n  serial: 1\n", 1)
    commit(world, {_PLAYBOOK: rolling.rstrip() + "\n" + task}, "Deploy the cron servers one after the other")

    await types(world, "ana", "#staging", "/deploy staging cron")
    ask = await shows(world, "#staging", "#1 ", "Waiting for approval")
    await clicks(world, "lee", ask, "approve")
    failed = await shows(world, "#staging", "#1 ", "failed on staging-cron", "not reached", "no task")
    expect(failed.rendered.count("⏹️ not reached") == 2, "the two other hosts are not named as not reached")
    expect("Done:" not in failed.rendered, "a host is named as done")

    announce("somebody makes room on the disk")
    full.unlink()
    await clicks(world, "max", failed, "Retry failed hosts")
    ask = await shows(world, "#staging", "#2 ", "3 failed hosts of staging", "Waiting for approval")
    await clicks(world, "lee", ask, "approve")
    await shows(world, "#staging", "#2 ", ":white_check_mark:", "to 3 hosts")


def _start_two(aws: AwsHandle) -> None:
    image = fleet.running_image("staging", "cron")
    tags = {"Name": image.hostname, "type": "staging cron"}
    ec2 = aws.ec2()
    ec2.run_instances(
        ImageId=image.image_id,
        InstanceType="t3.small",
        MinCount=2,
        MaxCount=2,
        TagSpecifications=[
            {"ResourceType": "instance", "Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}
        ],
    )
