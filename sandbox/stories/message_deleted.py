"""Somebody deletes a plan's message while it waits, later its channel is archived: it is posted again, and works."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.stories._acting import announce, clicks, expect, shows, types, until
from sandbox.stories._infrastructure import slow_network
from sandbox.world import Options

if TYPE_CHECKING:
    from sandbox.world import World

SUMMARY = "a waiting plan's message is deleted, and its channel archived during the apply: people see how it ended"
CHANNELS = ("#staging", "#ops")
OPTIONS = Options(without_aws=True)


async def play(world: World) -> None:
    """Act it out."""
    network, staging = slow_network(world), world.channel("#staging")
    await types(world, "ana", "#staging", "/plan staging")
    ask = await shows(world, "#staging", "3 to replace", "Waiting for approval")
    announce("somebody deletes the message")
    staging.remove(ask)
    announce("the bot is killed, and checks at its start what waits")
    await world.bot.kill()
    await world.bot.start()
    again = await shows(world, "#staging", "3 to replace", "Waiting for approval", "earlier message was deleted")
    await clicks(world, "lee", again, "approve")
    await network.under_way()
    announce("the channel is archived")
    staging.archived = True
    network.let_up()
    done = await shows(world, "#ops", "#1", "applied", "approved by", "Posted here because #staging")
    expect(not done.buttons, f"an applied plan still has the buttons {done.buttons}")
    expect(len(world.channel("#ops").messages) == 1, "the message is in #ops more than once")
    expect(network.machines == 3, f"{network.machines} machines were started, each of 3 once")
    staging.archived = False
    await types(world, "ana", "#staging", "/plan staging")
    await until(
        lambda: any("up to date" in message.rendered for message in staging.messages),
        "the next plan is not in #staging",
    )
