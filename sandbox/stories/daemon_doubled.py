"""A playbook starts a daemon without stopping the old one: seen after the deploy, and put right; then it restarts one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.stories._acting import announce, clicks, expect, gets_notice, shows, types
from sandbox.stories._daemons import CONFIG, NAME, daemon_of, playbook_runs
from sandbox.world import Options

if TYPE_CHECKING:
    from sandbox.world import World

SUMMARY = "a deploy leaves a daemon running twice: it is stopped, waited for and started; /infra daemons shows it"
CHANNELS = ("#staging",)
OPTIONS = Options(config=CONFIG)


async def play(world: World) -> None:
    """Act it out."""
    backend = daemon_of(world)
    playbook_runs(world, backend.start, "Start the daemons")
    await types(world, "ana", "#staging", "/deploy staging backend")
    ask = await shows(world, "#staging", "#1 ", "Waiting for approval")
    await clicks(world, "lee", ask, "approve")
    await shows(world, "#staging", "#1 ", ":white_check_mark:", "deployed", "each runs once")
    expect(backend.running == 1, f"{backend.running} of {NAME} run after the first deploy")

    announce("the playbook starts the daemon again, and nothing stops the one that runs")
    await types(world, "ana", "#staging", "/deploy staging backend")
    ask = await shows(world, "#staging", "#2 ", "Waiting for approval")
    await clicks(world, "lee", ask, "approve")
    await shows(world, "#staging", "#2 ", ":white_check_mark:", "stopped and started because it runs 2 times")
    expect(backend.running == 1, f"{backend.running} of {NAME} run after the second deploy")

    await types(world, "max", "#staging", "/infra daemons staging")
    page = await gets_notice(world.person("max"), "Daemons of staging: each runs once")
    await clicks(world, "max", page, "Restart")
    await shows(world, "#staging", "#3 ", ":white_check_mark:", "it runs once on each host, with a new process")
    expect(backend.running == 1, f"{backend.running} of {NAME} run after the restart")
