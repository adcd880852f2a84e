"""A deploy passes a plan that waits for approval: who planned agrees with one click, and the plan stays as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.stories._acting import clicks, expect, shows, types

if TYPE_CHECKING:
    from sandbox.world import World

SUMMARY = (
    "a deploy asks to pass a plan that waits for approval; it goes first, and the plan stays, as its state is the same"
)
CHANNELS = ("#staging",)


async def play(world: World) -> None:
    """Act it out."""
    await types(world, "ana", "#staging", "/plan staging")
    await shows(world, "#staging", "#1 ", "Waiting for approval")
    await types(world, "lee", "#staging", "/deploy staging")
    deploy = await shows(world, "#staging", "#2 ", "queued behind #1", "which waits for approval")
    expect(deploy.buttons == ["Open #1", "Ask to go first", "Cancel"], f"it has the buttons {deploy.buttons}")
    await clicks(world, "lee", deploy, "go-first")
    plan = await shows(world, "#staging", "#1 ", "paused while #2 goes first")
    expect("Approve and apply to staging" not in plan.buttons, "the plan can be approved meanwhile")
    deploy = await shows(world, "#staging", "#2 ", "Waiting for approval")
    await clicks(world, "max", deploy, "approve")
    await shows(world, "#staging", ":white_check_mark:", "#2 ", "4 hosts")
    plan = await shows(world, "#staging", "#1 ", "#2 went first", "this plan stays as it is", "Waiting for approval")
    await clicks(world, "lee", plan, "approve")
    await shows(world, "#staging", "#1 ", "applied", "approved by @lee")
