"""The bot is killed while a plan waits for approval, and started again: the button still works."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.stories._acting import announce, clicks, expect, shows, types

if TYPE_CHECKING:
    from sandbox.world import World

SUMMARY = "the bot is killed (SIGKILL) while a plan waits for approval; after the start the button still works"
CHANNELS = ("#staging",)


async def play(world: World) -> None:
    """Act it out."""
    await types(world, "ana", "#staging", "/plan staging")
    ask = await shows(world, "#staging", "Plan for staging", "Waiting for approval")
    announce("the bot is killed")
    await world.bot.kill()
    announce("the bot is started again")
    await world.bot.start()
    await clicks(world, "lee", ask, "approve")
    done = await shows(world, "#staging", "applied", "approved by")
    expect(not done.buttons, "an applied plan still has buttons")
    expect(len(world.channel("#staging").messages) == 1, "the restart posted a second message")
