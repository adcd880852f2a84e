"""The state changes between a plan and its approval: the plan is refused, and a button leads to a good one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.stories._acting import announce, clicks, expect, shows, types
from sandbox.stories._infrastructure import change_state
from sandbox.world import Options

if TYPE_CHECKING:
    from sandbox.world import World

SUMMARY = "the state changes after the plan: it is not applied although approved, and a button makes a new plan"
CHANNELS = ("#staging",)
OPTIONS = Options(without_aws=True)


async def play(world: World) -> None:
    """Act it out."""
    await types(world, "ana", "#staging", "/plan staging")
    ask = await shows(world, "#staging", "#1", "Waiting for approval")
    announce("somebody else applies something to staging")
    change_state(world, "staging")
    changed = world.state_of("staging").read_bytes()
    await clicks(world, "lee", ask, "approve")
    refused = await shows(world, "#staging", "#1", "not applied", "state has changed since this plan was made")
    expect(world.state_of("staging").read_bytes() == changed, "a stale plan changed the state")
    expect(refused.buttons == ["New plan"], f"it has the buttons {refused.buttons}")
    await clicks(world, "ana", refused, "New plan")
    ask = await shows(world, "#staging", "#2", "Plan for staging", "Waiting for approval")
    await clicks(world, "lee", ask, "approve")
    await shows(world, "#staging", "#2", "applied", "approved by @lee")
