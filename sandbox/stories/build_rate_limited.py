"""AWS has had enough of a build: what it leaves behind is ended, and only what failed runs again, by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.github.seed import BUILD_SOME, INFRASTRUCTURE
from sandbox.stories._acting import expect, shows, types
from sandbox.world import Options

if TYPE_CHECKING:
    from sandbox.world import World

SUMMARY = "a build fails for a rate limit: its leftovers are ended, and the failed jobs alone run again by themselves"
CHANNELS = ("#ops",)
OPTIONS = Options(speed=60.0)
OWN_AWS = True


async def play(world: World) -> None:
    """Act it out."""
    repository = world.github.repository(INFRASTRUCTURE)
    repository.rate_limited("build-images.yml", job="cron, dev", leaves_builder=True)
    await types(world, "ana", "#ops", f"/build cron,sftp dev {BUILD_SOME}")
    waits = await shows(
        world, "#ops", "#1 Build cron and sftp images", "rate limited; rerun 1 of 2", "Cancel", timeout=120
    )
    expect("failed" in waits.rendered, "the board does not say what failed")
    await shows(world, "#ops", "rate limited; rerun 1 of 2, begun", timeout=60)
    done = await shows(world, "#ops", ":white_check_mark:", "2 of 2 images", "rerun 1", timeout=120)
    expect("terminated" in done.rendered, "the builder that was left is not mentioned")
    await shows(world, "#ops", "It ended well when it was run again", "Before that:", timeout=60)
    run = next(iter(repository.runs.values()))
    expect(run.attempt == 2, f"the run has {run.attempt} attempts")
