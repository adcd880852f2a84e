"""A server shows another host key than before: nothing is deployed until somebody who may approve accepts it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.stories._acting import announce, clicks, expect, gets_notice, shows, types
from sandbox.stories._bastion import options, running_bastion
from sandbox.stories._infrastructure import commit

if TYPE_CHECKING:
    from sandbox.ssh_server import SshServer
    from sandbox.world import World

SUMMARY = "a server shows another host key: refused with both fingerprints, accepted by an approver, then deployed to"
CHANNELS = ("#staging",)
OWN_AWS = True
OPTIONS = options()
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
    async with running_bastion(world) as server:
        commit(world, {"provisioners/deploy-bastion.yml": _PLAYBOOK}, "Deploy the bastion")
        await _play(world, server)


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
