"""A deploy by Ansible to every machine of staging: a row for each host, and the machines that were reached."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.stories._acting import clicks, expect, gets_notice, shows, types
from sandbox.world import Options

if TYPE_CHECKING:
    from sandbox.world import World

SUMMARY = "a deploy by Ansible to each machine of staging, host by host, with the log of each machine type"
CHANNELS = ("#staging",)
OPTIONS = Options()


async def play(world: World) -> None:
    """Act it out."""
    await types(world, "ana", "#staging", "/infra inventory staging")
    await gets_notice(world.person("ana"), "Machines of staging: 4 run")
    await types(world, "ana", "#staging", "/deploy staging")
    ask = await shows(world, "#staging", "#1 ", "Waiting for approval")
    await clicks(world, "lee", ask, "approve")
    running = await shows(world, "#staging", "#1 ", "roles done", "4 hosts:", "Cancel")
    expect("staging-sftp" in running.rendered, "hosts that wait have no row")
    done = await shows(world, "#staging", "#1 ", ":white_check_mark:", "to 4 hosts")
    for machine in ("backend", "cron", "taskrunner", "sftp"):
        expect(f"staging-{machine}" in done.rendered, f"{machine} has no row")
    files = [file.name for message in world.channel("#staging").thread(done.ts) for file in message.files]
    expect(files == [f"deploy-1-{name}.txt" for name in ("backend", "cron", "taskrunner", "sftp")], f"files: {files}")
