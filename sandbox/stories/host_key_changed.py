"""A server shows another host key than before: nothing is deployed until somebody who may approve accepts it."""

from __future__ import annotations

import asyncio
import getpass
import sys
from typing import TYPE_CHECKING

from sandbox.ssh_server import ADDRESS, SshServer, new_key
from sandbox.stories._acting import announce, clicks, expect, gets_notice, shows, types
from sandbox.stories._infrastructure import commit
from sandbox.world import Options, free_port

if TYPE_CHECKING:
    from sandbox.aws import AwsHandle
    from sandbox.world import World

SUMMARY = "a server shows another host key: refused with both fingerprints, accepted by an approver, then deployed to"
CHANNELS = ("#staging",)
OWN_AWS = True
_PRIVATE, _PUBLIC = new_key()
_PORT = free_port()
_CHANNEL = '    channel: "#staging"\n'
OPTIONS = Options(
    environment={"DEPLOYER_PRIVATE_KEY": _PRIVATE},
    config={
        f"{_CHANNEL}    machines: [backend, cron, taskrunner, sftp]": f"{_CHANNEL}    machines: [bastion]",
        "        user: deployer\n        port: 22222\n        connection: local\n": f"        user: {getpass.getuser()}\n"
        f"        port: {_PORT}\n        address: private_ip\n        private_key_env: DEPLOYER_PRIVATE_KEY\n",
        "signalbox_root: ": f"ansible_python_interpreter: {sys.executable}, signalbox_root: ",
    },
)
_PLAYBOOK = """- name: Deploy the bastion
  hosts: bastion
  gather_facts: false
  tasks:
    - name: Log in
      ansible.builtin.raw: echo here
      changed_when: false
"""


async def play(world: World) -> None:
    """Act it out."""
    server = SshServer(world.files / "bastion", _PORT, _PUBLIC)
    await server.start()
    try:
        await asyncio.to_thread(_launch, world.aws)
        commit(world, {"provisioners/deploy-bastion.yml": _PLAYBOOK}, "Deploy the bastion")
        await _play(world, server)
    finally:
        await server.stop()


async def _play(world: World, server: SshServer) -> None:
    await _deploy(world, 1)
    await shows(world, "#staging", "#1 ", ":white_check_mark:", "to 1 host")

    announce("the server starts with another host key, and is the same instance as before")
    await server.stop()
    await server.start()
    await _deploy(world, 2)
    refused = await shows(world, "#staging", "#2 ", "shows another host key. No changes were made", "known:", "now:")
    expect(refused.buttons == ["Accept the new host key"], f"it has the buttons {refused.buttons}")
    await clicks(world, "gus", refused, "Accept the new host key")
    await gets_notice(world.person("gus"), "You may not approve for staging")
    await clicks(world, "lee", refused, "Accept the new host key")
    await gets_notice(world.person("lee"), "Accepted the new host key of i-")
    await _deploy(world, 3)
    await shows(world, "#staging", "#3 ", ":white_check_mark:", "to 1 host")


async def _deploy(world: World, number: int) -> None:
    await types(world, "ana", "#staging", "/deploy staging")
    ask = await shows(world, "#staging", f"#{number} ", "Waiting for approval")
    await clicks(world, "lee", ask, "approve")


def _launch(aws: AwsHandle) -> None:
    ec2 = aws.ec2()
    ec2.run_instances(
        ImageId="ami-0ba5e000000000001",
        MinCount=1,
        MaxCount=1,
        PrivateIpAddress=ADDRESS,
        TagSpecifications=[{"ResourceType": "instance", "Tags": [{"Key": "type", "Value": "staging bastion"}]}],
    )
