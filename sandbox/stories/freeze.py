"""A freeze refuses changes with its reason, lets plans pass, and stops what was approved before it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.stories._acting import clicks, expect, gets_notice, shows, types

if TYPE_CHECKING:
    from sandbox.world import World

SUMMARY = (
    "an environment is frozen: deploys are refused with the reason, a plan is made but not approved, until it is open"
)
CHANNELS = ("#staging",)


async def play(world: World) -> None:
    """Act it out."""
    lee = world.person("lee")
    await types(world, "lee", "#ops", "/infra freeze staging until tomorrow 18:00 Europe/Berlin The sale has begun")
    await shows(world, "#staging", "is frozen by @lee", "The sale has begun", "plans and checks still run")
    await types(world, "ana", "#staging", "/deploy staging")
    refusal = await gets_notice(world.person("ana"), "staging is frozen by @lee")
    expect("The sale has begun" in refusal.rendered, "the refusal does not have the reason")

    state = world.state_of("staging")
    before = state.read_bytes()
    await types(world, "ana", "#staging", "/plan staging")
    ask = await shows(world, "#staging", "Plan for staging", "Waiting for approval")
    await clicks(world, "lee", ask, "approve")
    await gets_notice(lee, "staging is frozen by @lee")
    expect(state.read_bytes() == before, "the state changed in a freeze")

    await types(world, "lee", "#ops", "/infra unfreeze staging")
    await shows(world, "#staging", "was unfrozen by @lee")
    await clicks(world, "lee", ask, "approve")
    await shows(world, "#staging", "Plan for staging", "applied", "approved by")
