"""The queue of an environment: who waits for whom, who can free it, and how it moves up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.stories._acting import expect, gets_notice, shows, types

if TYPE_CHECKING:
    from sandbox.world import World

SUMMARY = "three operations of one environment: the queue says who waits for whom, and moves up when one is cancelled"
CHANNELS = ("#staging",)


async def play(world: World) -> None:
    """Act it out."""
    await types(world, "ana", "#staging", "/plan staging")
    await shows(world, "#staging", "Plan for staging", "Waiting for approval")
    await types(world, "lee", "#staging", "/deploy staging")
    second = await shows(world, "#staging", "#2 ", "queued behind #1", "which waits for approval")
    expect("Its approvers can decide it" in second.rendered, "it does not say who can free the queue")
    expect(second.buttons[:1] == ["Open #1"], f"the queued deploy has the buttons {second.buttons}")
    await types(world, "max", "#staging", "/deploy staging cron")
    await shows(world, "#staging", "#3 ", "queued behind #2")

    await types(world, "max", "#ops", "/infra queue staging")
    listed = await gets_notice(world.person("max"), "The queue of staging")
    lines = [line for line in listed.rendered.splitlines() if "requested by" in line]
    expect(["#1" in lines[0], "#2" in lines[1], "#3" in lines[2]] == [True] * 3, f"the queue is listed as {lines}")
    expect("can decide it" in lines[0], "the list does not say who can free the queue")

    await types(world, "lee", "#ops", "/infra cancel 2")
    await shows(world, "#staging", ":octagonal_sign:", "#2 ", "cancelled by @lee before it had begun")
    await shows(world, "#staging", "#3 ", "queued behind #1", "which waits for approval")
    await types(world, "ana", "#ops", "/infra cancel 1")
    await shows(world, "#staging", "#1 ", "rejected by @ana")
    await shows(world, "#staging", "#3 ", "Waiting for approval")
    await types(world, "max", "#ops", "/infra cancel 3")
    await gets_notice(world.person("max"), "#3 is rejected")
