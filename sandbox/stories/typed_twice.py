"""The same command typed twice begins once, and a mistake in a command is answered to its author alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.stories._acting import expect, gets_notice, rejects, shows, types

if TYPE_CHECKING:
    from sandbox.world import World

SUMMARY = "the same command typed twice begins once, and the second person gets a link; a mistyped branch leaves nothing behind"
CHANNELS = ("#staging",)


async def play(world: World) -> None:
    """Act it out."""
    lee = world.person("lee")
    await types(world, "ana", "#random", "/deploy staging")
    ask = await shows(world, "#staging", "Deploy main to staging", "Waiting for approval")
    await gets_notice(world.person("ana"), "Started")

    await types(world, "lee", "#ops", "/deploy staging main")
    answer = await gets_notice(lee, "Nothing was started: #1 Deploy main to staging")
    for piece in ("is waiting for approval already", "requested by @ana", "Cancel or reject it to begin again"):
        expect(piece in answer.rendered, f"the second answer lacks “{piece}”: {answer.rendered}")
    expect(answer.channel == world.channel("#ops").id, "the answer is not where the command was typed")

    await types(world, "lee", "#staging", "/deploy staging mian")
    await gets_notice(lee, "“mian” is neither a branch or tag nor a machine type of staging")
    expect(len(world.channel("#staging").messages) == 1, "the channel has more than the one deploy")

    await rejects(world, "lee", ask)
    await shows(world, "#staging", "#1 Deploy main to staging", ":no_entry_sign:")
    await types(world, "lee", "#staging", "/deploy staging backend")
    await shows(world, "#staging", "#2 Deploy main to staging (backend)", "Waiting for approval")
