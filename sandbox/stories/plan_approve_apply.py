"""A plan is read, approved by another person, and exactly that is applied."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox import fleet
from sandbox.stories._acting import clicks, expect, shows, types
from sandbox.stories._infrastructure import images_of

if TYPE_CHECKING:
    from sandbox.world import World

SUMMARY = "a plan is read, approved by a lead, and exactly that is applied; the next plan finds nothing to do"
CHANNELS = ("#staging",)


async def play(world: World) -> None:
    """Act it out."""
    await types(world, "ana", "#staging", "/plan staging")
    ask = await shows(world, "#staging", "Plan for staging", "to replace", "Waiting for approval")
    await clicks(world, "lee", ask, "approve")
    done = await shows(world, "#staging", "Plan for staging", "applied", "approved by")
    expect(not done.buttons, "an applied plan still has buttons")

    await types(world, "ana", "#staging", "/plan staging")
    runs = {**images_of("staging", fleet.NEWEST), "sftp": fleet.running_image("staging", "sftp").image_id}
    await shows(world, "#staging", "#2", "up to date", "Current image", *runs.values())
