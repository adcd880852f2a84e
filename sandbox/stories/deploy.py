"""Code goes to dev through GitHub Actions, and to staging through Ansible once somebody else approves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.stories._acting import clicks, expect, shows, types

if TYPE_CHECKING:
    from sandbox.world import World

SUMMARY = "code goes to dev through GitHub Actions, and to staging through Ansible after an approval"
CHANNELS = ("#dev", "#staging")


async def play(world: World) -> None:
    """Act it out."""
    await types(world, "ana", "#dev", "/deploy dev")
    done = await shows(world, "#dev", ":white_check_mark:", "Deploy main to dev", "deployed")
    expect(not done.buttons, "a finished deploy still has buttons")

    await types(world, "ana", "#staging", "/deploy staging")
    ask = await shows(world, "#staging", "Deploy main to staging", "Waiting for approval", "Current:")
    await clicks(world, "lee", ask, "approve")
    done = await shows(world, "#staging", ":white_check_mark:", "Deploy main to staging", "4 hosts")
    expect(not done.buttons, "a finished deploy still has buttons")
    expect(len(world.channel("#staging").messages) == 1, "a deploy is one message that changes")
    servers = sorted(path.name for path in (world.machines_of("staging") / "servers").iterdir())
    expect(len(servers) == 4, f"the playbooks wrote to {servers}")
