"""Prod takes two leads: one revokes their approval before there are enough, and nothing is applied until both have approved."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.stories._acting import clicks, expect, gets_notice, shows, types

if TYPE_CHECKING:
    from sandbox.world import World

SUMMARY = "two leads approve a plan of prod; one revokes their approval meanwhile, and approves again"
CHANNELS = ("#prod",)


async def play(world: World) -> None:
    """Act it out."""
    await types(world, "ana", "#prod", "/plan prod")
    ask = await shows(world, "#prod", "Plan for prod", "needs 2 approvals")
    await clicks(world, "lee", ask, "approve")
    ask = await shows(world, "#prod", "needs 1 more approval", "approved by @lee")
    await clicks(world, "max", ask, "revoke-approval")
    await gets_notice(world.person("max"), "There is no approval of yours here")
    await clicks(world, "lee", ask, "revoke-approval")
    ask = await shows(world, "#prod", "Plan for prod", "needs 2 approvals")
    expect("approved by" not in ask.rendered, "a revoked approval is displayed")

    await clicks(world, "max", ask, "approve")
    ask = await shows(world, "#prod", "needs 1 more approval", "approved by @max")
    await clicks(world, "lee", ask, "approve")
    await shows(world, "#prod", "Plan for prod", "applied")
