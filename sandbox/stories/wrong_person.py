"""The wrong people press and type: a guest, the requester, the same person twice. Nothing happens until the right ones do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.stories._acting import clicks, expect, gets_notice, shows, types

if TYPE_CHECKING:
    from sandbox.world import World

SUMMARY = "a guest, the requester, and the same lead twice press Approve in prod; it takes two leads"
CHANNELS = ("#prod",)


async def play(world: World) -> None:
    """Act it out."""
    await types(world, "gus", "#prod", "/plan prod")
    await gets_notice(world.person("gus"), "You may not run")
    expect(not world.channel("#prod").messages, "a guest's command was taken")

    await types(world, "ana", "#prod", "/plan prod")
    ask = await shows(world, "#prod", "Plan for prod", "needs 2 approvals")
    await clicks(world, "gus", ask, "approve")
    await gets_notice(world.person("gus"), "You may not approve for prod")
    await clicks(world, "ana", ask, "approve")
    await gets_notice(world.person("ana"), "You may not approve for prod")

    await clicks(world, "lee", ask, "approve")
    ask = await shows(world, "#prod", "needs 1 more approval", "approved by")
    await clicks(world, "lee", ask, "approve")
    await gets_notice(world.person("lee"), "You have approved this already")
    await clicks(world, "max", ask, "approve")
    done = await shows(world, "#prod", "Plan for prod", "applied")
    expect(not done.buttons, "an applied plan still has buttons")
