"""A check shows what a deploy would change: no task that changes something runs, and nobody has to approve."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.stories._acting import clicks, expect, shows, types
from sandbox.world import Options

if TYPE_CHECKING:
    from sandbox.world import World

SUMMARY = "a check shows what Ansible would change, and runs no task that changes something; after the deploy there is nothing left to change"
CHANNELS = ("#staging",)
OPTIONS = Options()


async def play(world: World) -> None:
    """Act it out."""
    await types(world, "ana", "#staging", "/deploy staging backend,sftp check")
    message = await shows(
        world, "#staging", "#1 ", "checked: ", "Ran in check mode: no task with", "Write the configuration"
    )
    expect(not message.buttons, "somebody is asked about a check")
    expect(not (world.machines_of("staging") / "servers").exists(), "the check has touched the servers")

    await types(world, "ana", "#staging", "/deploy staging backend,sftp")
    ask = await shows(world, "#staging", "#2 ", "Deploy main to staging (backend, sftp)", "Waiting for approval")
    await clicks(world, "lee", ask, "approve")
    await shows(world, "#staging", "#2 ", ":white_check_mark:", "to 2 hosts")
    await types(world, "max", "#staging", "/deploy staging backend,sftp check")
    await shows(world, "#staging", "#3 ", "nothing would change")
