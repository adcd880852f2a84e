"""A deploy by workflow hangs: Cancel ends it at GitHub, the message says what was done, and the next one begins."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.github.seed import INFRASTRUCTURE
from sandbox.stories._acting import announce, clicks, expect, shows, types
from sandbox.world import Options

if TYPE_CHECKING:
    from sandbox.world import World

SUMMARY = (
    "a workflow hangs: Cancel ends its run at GitHub, the jobs that were done are named, the next in the queue begins"
)
CHANNELS = ("#dev",)
OPTIONS = Options(speed=60.0, webhooks=True)


async def play(world: World) -> None:
    """Act it out."""
    repository = world.github.repository(INFRASTRUCTURE)
    announce("the job for cron hangs")
    repository.hold_next("deploy-dev.yml", job="cron")
    await types(world, "ana", "#dev", "/deploy dev")
    hanging = await shows(world, "#dev", "Deploy main to dev", "3 of 4 jobs done", timeout=120)
    await types(world, "lee", "#dev", "/plan dev")
    waiting = await shows(world, "#dev", "#2 ", "queued behind #1", "Its requester and its approvers can cancel it")
    expect(waiting.buttons == ["Open #1", "Cancel"], f"the queued plan has the buttons {waiting.buttons}")

    await clicks(world, "ana", hanging, "cancel")
    ended = await shows(
        world, "#dev", ":octagonal_sign:", "#1 ", "cancelled by @ana", "3 of 4 jobs were done", timeout=120
    )
    expect("deploy (backend)" in ended.rendered, "the jobs that were done are not named")
    expect(not ended.buttons, "a cancelled deploy still has buttons")
    await shows(world, "#dev", ":white_check_mark:", "#2 ", "Plan for dev", "up to date", timeout=120)
