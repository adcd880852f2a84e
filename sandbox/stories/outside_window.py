"""Outside of prod's window: a plan can be made, nothing is applied, and a deploy starts when the window opens, or is cancelled."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.stories._acting import clicks, expect, gets_notice, rejects, shows, types
from sandbox.stories._closed import PROD
from sandbox.world import Options

if TYPE_CHECKING:
    from sandbox.world import World

SUMMARY = (
    "outside of prod's window a plan is made; its approval and a deploy are scheduled for the window, and end before it"
)
CHANNELS = ("#prod",)
OPTIONS = Options(config=PROD)


async def play(world: World) -> None:
    """Act it out."""
    await types(world, "ana", "#prod", "/plan prod")
    ask = await shows(world, "#prod", "Plan for prod", "needs 2 approvals")
    await clicks(world, "lee", ask, "approve")
    refused = await gets_notice(world.person("lee"), "prod is only changed during")
    expect("approved by" not in ask.rendered, "an approval outside of the window counted")
    await clicks(world, "lee", refused, "approve-later")
    await shows(world, "#prod", "Approval of #1 Plan for prod, when the window opens", "starts")
    await rejects(world, "ana", ask)
    await shows(world, "#prod", "#1 ", "Plan for prod", "rejected")
    await shows(world, "#prod", "Approval of #1", "not approved: This was already rejected", timeout=120)

    await types(world, "ana", "#prod", "/deploy prod")
    refused = await gets_notice(world.person("ana"), "The next window opens")
    expect(len(refused.buttons) == 1, f"ana is offered {refused.buttons}")
    await clicks(world, "ana", refused, "start-later")
    scheduled = await shows(world, "#prod", "Deploy main to prod, when the window opens", "starts")
    await clicks(world, "gus", scheduled, "cancel")
    await gets_notice(world.person("gus"), "You may not decide for prod")
    await clicks(world, "ana", scheduled, "cancel")
    await shows(world, "#prod", ":octagonal_sign:", "cancelled by @ana", "nothing was started", timeout=120)
