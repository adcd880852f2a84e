"""Somebody starts the image workflow in GitHub: it gets its board, also when the bot was down meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.github.seed import BUILD_SOME, INFRASTRUCTURE
from sandbox.stories._acting import announce, expect, shows, types, until
from sandbox.world import Options

if TYPE_CHECKING:
    from sandbox.world import World

SUMMARY = "a build that somebody started in GitHub gets its board, and one that ended while the bot was down as well"
CHANNELS = ("#ops",)
OPTIONS = Options(speed=60.0, webhooks=True)
OWN_AWS = True
WORKFLOW = "build-images.yml"


async def play(world: World) -> None:
    """Act it out."""
    repository = world.github.repository(INFRASTRUCTURE)
    announce("max starts the workflow on GitHub's page")
    held = repository.hold_next(WORKFLOW, job="cron, dev")
    only = {"machines": "cron", "environments": "dev"}
    first = repository.dispatch(WORKFLOW, BUILD_SOME, only, actor="max-weber")
    await shows(
        world, "#ops", f"Build images, run {first.number}", "started in GitHub by max-weber", "🔄 running", timeout=120
    )
    await types(world, "ana", "#ops", "/build all")
    await shows(world, "#ops", "Build all images at main", "not started: the workflow is running already")
    held.release()
    await shows(world, "#ops", ":white_check_mark:", f"Build images, run {first.number}", "1 of 1 image", timeout=120)

    announce("the bot is stopped; max starts another, which ends before the bot is back")
    await world.bot.kill()
    second = repository.dispatch(WORKFLOW, BUILD_SOME, {**only, "machines": "sftp"}, actor="max-weber")
    await until(lambda: second.finished, "the run does not end", timeout=120)
    await world.bot.start()
    await shows(world, "#ops", ":white_check_mark:", f"Build images, run {second.number}", "1 of 1 image", timeout=120)
    expect(len(world.channel("#ops").messages) == 3, "a run has more than one message")
