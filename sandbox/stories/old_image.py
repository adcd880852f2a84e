"""An older image is rolled out after a code deploy: warned of before, and the code is deployed again after it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox import fleet
from sandbox.stories._acting import announce, clicks, expect, shows, types
from sandbox.stories._infrastructure import commit_images, images_of
from sandbox.world import Options

if TYPE_CHECKING:
    from sandbox.world import World

SUMMARY = (
    "an older image is rolled out after a code deploy: warned of in the plan; dev offers a deploy, staging starts it"
)
CHANNELS = ("#dev", "#staging")
_STAGING, _MACHINES = "  staging:\n", "machines: [backend, cron, taskrunner, sftp]"
OPTIONS = Options(
    speed=60.0,
    # dev keeps to the default, which is to offer the deploy; with one machine each the deploys are quick.
    config={_STAGING: f"{_STAGING}    code_deploy_after_old_image: start\n", _MACHINES: "machines: [backend]"},
)


async def play(world: World) -> None:
    """Act it out."""
    await types(world, "ana", "#dev", "/deploy dev")
    await shows(world, "#dev", ":white_check_mark:", "Deploy main to dev", "deployed")
    announce("the backend of dev goes back to an image of weeks ago")
    older = fleet.Image("dev", "backend", 2).image_id
    commit_images(world, "dev", {**images_of("dev", fleet.NEWEST), "backend": older}, "Go back to an older backend")
    await types(world, "ana", "#dev", "/plan dev")
    ask = await shows(world, "#dev", "Plan for dev", "⚠️ older", "Older images:", "Waiting for approval")
    await clicks(world, "ana", ask, "approve")
    done = await shows(world, "#dev", "Plan for dev", "applied", "old code is back")
    expect(done.buttons == ["Deploy code to dev"], f"it has the buttons {done.buttons}")
    await clicks(world, "ana", done, "Deploy code to dev")
    done = await shows(world, "#dev", "Plan for dev", "applied", "code deploy: #3 Deploy main to dev")
    expect(not done.buttons, "the code deploy can be begun twice")
    await shows(world, "#dev", "#3", "Deploy main to dev", "deployed")

    older = fleet.Image("staging", "backend", 2).image_id
    await types(world, "ana", "#staging", f"/plan staging backend_ami={older}")
    ask = await shows(world, "#staging", "#4", "⚠️ older", "Older images:", "Waiting for approval")
    await clicks(world, "lee", ask, "approve")
    await shows(world, "#staging", "#4", "applied", "The code deploy has been started: #5 Deploy main to staging")
    ask = await shows(world, "#staging", "#5", "Deploy main to staging", "Waiting for approval")
    await clicks(world, "lee", ask, "approve")
    await shows(world, "#staging", "#5", ":white_check_mark:", "deployed")
