"""A plan is rejected for a reason, and nothing changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.stories._acting import expect, rejects, shows, types

if TYPE_CHECKING:
    from sandbox.world import World

SUMMARY = "a plan is rejected: nothing is applied, and the message says who rejected it, and why"
CHANNELS = ("#staging",)


async def play(world: World) -> None:
    """Act it out."""
    state = world.state_of("staging")
    before = state.read_bytes()
    await types(world, "ana", "#staging", "/plan staging")
    ask = await shows(world, "#staging", "Plan for staging", "Waiting for approval")
    await rejects(world, "lee", ask, "After the demo, please")
    done = await shows(
        world, "#staging", "rejected, nothing was applied", "rejected by @lee", "“After the demo, please”"
    )
    await shows(
        world, "#staging", "@ana", "nothing was applied", "Rejected by lee: “After the demo, please”.", notice=True
    )
    expect(not done.buttons, "a rejected plan still has buttons")
    expect(state.read_bytes() == before, "the state changed although the plan was rejected")
