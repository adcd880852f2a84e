"""A plan would destroy something protected: approving it takes the environment's name, typed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox import fleet
from sandbox.stories._acting import announce, clicks, expect, shows, types
from sandbox.stories._infrastructure import commit_images, images_of
from sandbox.world import Options

if TYPE_CHECKING:
    from sandbox.world import World

SUMMARY = "a plan would destroy a protected machine: approving takes the environment's name, typed into a modal"
CHANNELS = ("#staging",)
_VARIABLES = "      variables: [backend_ami, ready_when]\n"
OPTIONS = Options(without_aws=True, config={_VARIABLES: f"{_VARIABLES}      protected: [terraform_data]\n"})


async def play(world: World) -> None:
    """Act it out."""
    current = images_of("staging", fleet.RUNNING_GENERATION["staging"])
    del current["sftp"]
    announce("main no longer has the machine sftp of staging")
    commit_images(world, "staging", current, "Retire the SFTP machine")
    await types(world, "ana", "#staging", "/plan staging")
    ask = await shows(world, "#staging", "1 to destroy", "Protected", 'module.machine["sftp"]', "Waiting for approval")

    lee = world.person("lee")
    await clicks(world, "lee", ask, "approve")
    view = await lee.wait_for_view()
    announce("lee types “prod” into the modal")
    answer = await lee.submit(view, {"word": "prod"})
    expect("That is not staging" in " ".join(answer.errors.values()), f"a wrong word was taken: {answer}")
    expect("Waiting for approval" in ask.rendered, "a wrong word approved the plan")
    announce("refused; lee types “staging”")
    answer = await lee.submit(view, {"word": "staging"})
    expect(answer.closed, f"the right word was refused: {answer.errors}")
    done = await shows(world, "#staging", "Plan for staging", "applied", "approved by @lee")
    expect(not done.buttons, "an applied plan still has buttons")
