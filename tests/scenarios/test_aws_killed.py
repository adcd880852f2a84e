"""The bot is killed while it ends a builder or removes images: nothing twice, nothing lost, one message."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from sandbox.fleet import PACKER_NAME_TAG
from sandbox.world import Options
from tests.scenarios.acting import clicks, gets_notice, shows, thread_of, types
from tests.scenarios.aws_between import aws_between
from tests.scenarios.conftest import running
from tests.scenarios.moments import dies_at_slack, until
from tests.scenarios.staged import one_message_each

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sandbox.bot_process import Launch
    from sandbox.slack import Message
    from sandbox.world import World
    from tests.forked_aws import StartAws
    from tests.scenarios.aws_between import AwsBetween
    from tests.scenarios.moments import Phase

pytestmark = pytest.mark.slow("each starts an AWS of its own, and the bot twice")
WATCHED = {"operations:\n": "watch:\n  builders: {every: 2s}\noperations:\n"}


@asynccontextmanager
async def world_of_its_own(
    start_aws: StartAws, forked: Launch, **options: Any
) -> AsyncIterator[tuple[AwsBetween, World]]:
    async with aws_between(start_aws) as aws, running(Options(aws=aws.handle, **options), launch=forked) as world:
        yield aws, world


def of_builders(aws: AwsBetween) -> list[str]:
    """What of the builder is still there."""
    ec2 = aws.ec2()
    result = ec2.describe_instances(Filters=[{"Name": "tag:Name", "Values": [PACKER_NAME_TAG]}])["Reservations"]
    states = [item["State"]["Name"] for held in result for item in held["Instances"]]
    keys = [describe_key_pair["KeyName"] for describe_key_pair in ec2.describe_key_pairs()["KeyPairs"]]
    groups = [
        describe_security_group["GroupName"]
        for describe_security_group in ec2.describe_security_groups()["SecurityGroups"]
    ]
    return [
        *(state for state in states if state != "terminated"),
        *keys,
        *(group for group in groups if group != "default"),
    ]


@pytest.mark.parametrize(("call", "phase"), [("TerminateInstances", "after"), ("DeleteSecurityGroup", "before")])
async def test_a_builder_is_ended_once_with_all_that_belongs_to_it(
    start_aws: StartAws, forked: Launch, call: str, phase: Phase
) -> None:
    async with world_of_its_own(start_aws, forked, config=WATCHED) as (aws, world):
        message = await shows(world, "#ops", "left running, 3 h")
        death = aws.dies_at(world, call, phase)
        await clicks(world, "lee", message, "Terminate")
        await death.wait()
        assert of_builders(aws)
        await world.bot.start()
        done = await shows(world, "#ops", "*: terminated for @lee", "security group")
        assert done.ts == message.ts
        assert of_builders(aws) == []
        assert [aws.calls[item] for item in ("TerminateInstances", "DeleteKeyPair", "DeleteSecurityGroup")] == [1, 1, 1]
        one_message_each(world, "#ops", 1)


async def test_a_builder_is_told_once_and_a_snooze_outlives_the_bot(start_aws: StartAws, forked: Launch) -> None:
    async with world_of_its_own(start_aws, forked) as (aws, bare):
        assert not bare.channel("#ops").messages
        config = bare.files / "signalbox.yaml"
        config.write_text(config.read_text().replace(*next(iter(WATCHED.items()))))
        await bare.bot.stop()
        posted = dies_at_slack(bare, "chat.postMessage", "after")
        await bare.bot.start()
        await posted.wait()
        await bare.bot.start()
        message = await shows(bare, "#ops", "left running, 3 h")
        await clicks(bare, "ana", message, "4 h")
        await shows(bare, "#ops", "snoozed by @ana until")
        await bare.bot.kill()
        looks = aws.calls["DescribeInstances"]
        await bare.bot.start()
        await looked_again(aws, looks)
        still = await shows(bare, "#ops", "snoozed by @ana until")
        assert (still.ts, thread_of(bare, still)) == (message.ts, "")
        one_message_each(bare, "#ops", 1)


async def looked_again(aws: AwsBetween, looks: int) -> None:
    await until(lambda: aws.calls["DescribeInstances"] >= looks + 5)


@pytest.mark.parametrize(("call", "phase"), [("DeregisterImage", "after"), ("DeleteSnapshot", "before")])
async def test_images_go_once_with_their_snapshots(
    start_aws: StartAws, forked: Launch, call: str, phase: Phase
) -> None:
    async with world_of_its_own(start_aws, forked) as (aws, world):
        before = len(aws.ec2().describe_snapshots(OwnerIds=["self"])["Snapshots"])
        ask = await asked_to_clean_up(world)
        death = aws.dies_at(world, call, phase)
        await clicks(world, "lee", ask, "approve")
        await death.wait()
        await world.bot.start()
        done = await shows(world, "#ops", "12 of 12 removed")
        assert done.ts == ask.ts
        assert len(aws.ec2().describe_snapshots(OwnerIds=["self"])["Snapshots"]) == before - 12
        assert [aws.calls[item] for item in ("DeregisterImage", "DeleteSnapshot")] == [12, 12]
        one_message_each(world, "#ops", 1)


async def asked_to_clean_up(world: World) -> Message:
    await types(world, "ana", "#ops", "/infra amis")
    page = await gets_notice(world.person("ana"), "can be deleted")
    await clicks(world, "ana", page, "Clean up…")
    return await shows(world, "#ops", "Waiting for approval", "12 images can be deleted")
