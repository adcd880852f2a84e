"""An orphaned builder of Packer: reported once, terminated by a click, with all that belonged to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.stories._acting import announce, clicks, expect, gets_notice, shows
from sandbox.world import Options

if TYPE_CHECKING:
    from sandbox.world import World

SUMMARY = "a builder that Packer left running is told in #ops, and ended by a click with all that belonged to it"
CHANNELS = ("#ops",)
OWN_AWS = True
# Every few seconds rather than every five minutes.
OPTIONS = Options(config={"operations:\n": "watch:\n  builders: {every: 3s}\noperations:\n"})


async def play(world: World) -> None:
    """Act it out."""
    announce("three hours ago a build died; its builder still runs, and nobody has noticed")
    alert = await shows(world, "#ops", "left running, 3 h", timeout=30)
    expect("security group" in alert.rendered, "the message does not say what goes with the builder")
    await clicks(world, "ana", alert, "Snooze 1 h")
    held = await shows(world, "#ops", "snoozed by @ana until", timeout=20)
    await clicks(world, "gus", held, "Terminate")
    await gets_notice(world.person("gus"), "You may not run")
    await clicks(world, "lee", held, "Terminate")
    await shows(world, "#ops", "*: terminated for @lee", "key pair", "deleted", timeout=60)
    reply = await world.slack.person("ana").type("#ops", "/infra builders")
    expect("No builder is running" in reply.ephemerals[-1].rendered, "the builder is still listed")
