"""Somebody else's Terraform holds the state's lock: who, since when and what to do is said; afterwards all goes well."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.stories._acting import announce, clicks, expect, shows, types
from sandbox.stories._infrastructure import locked
from sandbox.world import Options

if TYPE_CHECKING:
    from sandbox.world import World

SUMMARY = "another terraform holds the state's lock: the message says who, since when and what to do; later it works"
CHANNELS = ("#staging",)
OPTIONS = Options(without_aws=True)


async def play(world: World) -> None:
    """Act it out."""
    await types(world, "ana", "#staging", "/plan staging")
    ask = await shows(world, "#staging", "#1", "Waiting for approval")
    with locked(world.state_of("staging"), "max@laptop"):
        announce("max runs terraform on his own machine, and holds the lock")
        await clicks(world, "lee", ask, "approve")
        refused = await shows(world, "#staging", "#1", "not applied", "max@laptop", "2026-11-23 09:00 UTC")
        expect("Wait until that has ended" in refused.rendered, "it does not say what to do")
        expect("Unlock" not in refused.buttons, "another's lock can be taken away")
    announce("max is done")
    await clicks(world, "ana", refused, "New plan")
    ask = await shows(world, "#staging", "#2", "Waiting for approval")
    await clicks(world, "lee", ask, "approve")
    await shows(world, "#staging", "#2", "applied", "approved by @lee")
