"""All images are built: one board shows the twelve jobs, which images came out, and what can be planned with them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.stories._acting import expect, gets_notice, shows, types
from sandbox.world import Options

if TYPE_CHECKING:
    from sandbox.world import World

SUMMARY = "twelve images are built, on one board from the first job to the images that came out"
CHANNELS = ("#ops",)
OPTIONS = Options(speed=60.0)  # a build takes half an hour
OWN_AWS = True


async def play(world: World) -> None:
    """Act it out."""
    await types(world, "ana", "#ops", "/build bakend,cron")
    await gets_notice(world.person("ana"), "did you mean “backend”?")
    await types(world, "ana", "#ops", "/build all")
    matrix = await shows(world, "#ops", "Build all images at main", "of 12 images", "⏳ waiting")
    expect("Cancel" in matrix.buttons, "a build under way can be cancelled")
    await shows(world, "#ops", "Build all images at main", "🔄 running")
    done = await shows(world, "#ops", ":white_check_mark:", "12 of 12 images", "ami-", timeout=180)
    expect("Cancel" not in done.buttons, "a finished build can still be cancelled")
    expect(len(world.channel("#ops").messages) == 1, "a build is one message that changes")

    await types(world, "ana", "#ops", "/build cron dev")
    await shows(world, "#ops", ":x:", "Build cron images for dev at main", "takes no inputs at main")
