"""Instances start and end between the approval of a deploy and its start: nothing runs on a host that approvers have not seen."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from tests.scenarios.acting import clicks, infrastructure, shows, types

if TYPE_CHECKING:
    from sandbox.aws import AwsHandle
    from tests.scenarios.conftest import StartWorld

pytestmark = pytest.mark.slow("deploys with Ansible")
CHANNEL = '    channel: "#staging"\n'
PLAYBOOK = (
    "- name: Deploy\n  hosts: displayed\n  gather_facts: false\n  tasks:\n    - ansible.builtin.debug: {msg: hi}\n"
)


def launch(aws: AwsHandle) -> str:
    started = aws.ec2().run_instances(
        ImageId="ami-0ba5e000000000001",
        MinCount=1,
        MaxCount=1,
        TagSpecifications=[{"ResourceType": "instance", "Tags": [{"Key": "type", "Value": "staging displayed"}]}],
    )
    return started["Instances"][0]["InstanceId"]


async def test_a_host_that_approvers_have_not_seen_ends_it(start_world: StartWorld) -> None:
    machines = f"{CHANNEL}    machines: [backend, cron, taskrunner, sftp]"
    world = await start_world(config={machines: f"{CHANNEL}    machines: [displayed]"})
    infrastructure(world).commit("main", {"provisioners/deploy-displayed.yml": PLAYBOOK}, "Add a role")
    first = await asyncio.to_thread(launch, world.aws)
    await types(world, "ana", "#staging", "/deploy staging")
    ask = await shows(world, "#staging", "#1 ", "Waiting for approval")
    assert "Hosts: `staging-displayed` (" in ask.rendered
    new = await asyncio.to_thread(launch, world.aws)
    await clicks(world, "lee", ask, "approve")
    refused = await shows(world, "#staging", "#1 ", ":x:", "Hosts have changed since they were displayed for approval")
    assert new in refused.rendered
    assert first not in refused.rendered
    assert "No changes were made." in refused.rendered

    await types(world, "ana", "#staging", "/deploy staging")
    ask = await shows(world, "#staging", "#2 ", "Waiting for approval")
    assert "`staging-displayed-2` (" in ask.rendered
    await asyncio.to_thread(world.aws.ec2().terminate_instances, InstanceIds=[first])
    await clicks(world, "lee", ask, "approve")
    done = await shows(world, "#staging", "#2 ", ":white_check_mark:", "to 1 host")
    assert "staging-displayed" in done.rendered
    await asyncio.to_thread(world.aws.ec2().terminate_instances, InstanceIds=[new])
