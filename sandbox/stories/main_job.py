"""The main job: code to dev and staging, then a plan of staging read, approved and applied."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.stories import deploy
from sandbox.stories._acting import clicks, shows, types

if TYPE_CHECKING:
    from sandbox.world import World

SUMMARY = "what the team does all day: deploy to dev and staging, then plan, approve and apply staging"
CHANNELS = ("#dev", "#staging")


async def play(world: World) -> None:
    """Act it out."""
    await deploy.play(world)
    await types(world, "ana", "#staging", "/plan staging")
    ask = await shows(world, "#staging", "Plan for staging", "to replace", "Waiting for approval")
    await clicks(world, "lee", ask, "approve")
    await shows(world, "#staging", "Plan for staging", "applied", "approved by")
