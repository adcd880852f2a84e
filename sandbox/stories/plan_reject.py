"""A plan is rejected, and nothing changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.stories._acting import clicks, expect, shows, types

if TYPE_CHECKING:
    from sandbox.world import World

SUMMARY = "a plan is rejected: nothing is applied, and the message says who said no"
CHANNELS = ("#staging",)


async def play(world: World) -> None:
    """Act it out."""
    state = world.state_of("staging")
    before = state.read_bytes()
    await types(world, "ana", "#staging", "/plan staging")
    ask = await shows(world, "#staging", "Plan for staging", "Waiting for approval")
    await clicks(world, "lee", ask, "reject")
    done = await shows(world, "#staging", "rejected, nothing was applied", "rejected by")
    expect(not done.buttons, "a rejected plan still has buttons")
    expect(state.read_bytes() == before, "the state changed although the plan was rejected")
