"""A deploy that waits for the pipeline of its promotion: killed at each step, cancelled, and continued by a person."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sandbox.github.seed import APPLICATION
from sandbox.github.stand_in import BOT_LOGIN
from tests.scenarios.acting import clicks, infrastructure, operations_in, shows, types
from tests.scenarios.moments import killed_at_row, stops_at_row

if TYPE_CHECKING:
    from sandbox.github.play.scripts import Hold
    from sandbox.slack import Message
    from sandbox.world import World
    from tests.scenarios.conftest import StartWorld

DEV = '    channel: "#dev"\n'
PROMOTES = f"{DEV}    promote: {{from: dev, to: staging, repositories: [{APPLICATION}]}}\n"
SHARED = {"config": {DEV: PROMOTES}}
BUILD = ".github/workflows/build.yml"
PIPELINE = (
    "name: Build\non: {push: {branches: [staging]}}\njobs: {package: {runs-on: x, steps: [{name: Build, run: make}]}}\n"
)


async def merging(world: World, name: str) -> tuple[str, Hold]:
    """dev is being merged into staging, whose pipeline is held: the operation's number, and the hold."""
    application = world.github.repository(APPLICATION)
    application.commit("dev", {BUILD: PIPELINE, f"{name}.txt": name}, f"Add {name}")
    application.runs_on_push = True
    held = application.hold_next("build.yml", job="package")
    number = f"#{len(operations_in(world)) + 1} "
    await types(world, "ana", "#dev", "/deploy dev")
    await clicks(world, "ana", await shows(world, "#dev", number, "No pull request is open"), "Open pull request")
    await clicks(world, "lee", await shows(world, "#dev", number, "ready to merge"), "Merge and deploy")
    return number, held


async def merged(world: World, name: str) -> tuple[str, Message, Hold]:
    """The same, and its message once it waits for the pipeline."""
    number, held = await merging(world, name)
    return number, await shows(world, "#dev", number, "waiting for the pipeline of", "Build, run"), held


def deploys(world: World) -> int:
    return sum(run.actor == BOT_LOGIN for run in infrastructure(world).runs.values())


@pytest.mark.parametrize("step", ["pipeline began", "wait for the pipeline"])
async def test_a_kill_while_it_waits_deploys_once(start_world: StartWorld, step: str) -> None:
    world = await start_world(speed=60.0, config={DEV: PROMOTES})
    if step == "pipeline began":
        stops_at_row(world, "operation_outputs", f"NEW.function_name = '{step}'")
        _, held = await merging(world, "killed")
    else:
        _, _, held = await merged(world, "killed")
        await world.bot.kill()
        await world.bot.start()
        stops_at_row(world, "operation_outputs", f"NEW.function_name = '{step}'")
    held.release()
    await killed_at_row(world)
    await world.bot.start()
    await shows(world, "#dev", "#1 ", "deployed", "Pipeline of")
    assert deploys(world) == 1
    assert len(world.channel("#dev").messages) == 1


async def test_it_can_be_cancelled_and_a_person_can_go_on(shared_world: World) -> None:
    number, message, held = await merged(shared_world, "cancelled")
    await clicks(shared_world, "ana", message, "Cancel")
    await shows(shared_world, "#dev", number, "cancelled by @ana, nothing was deployed")
    held.release()
    before = deploys(shared_world)
    number, message, held = await merged(shared_world, "skipped")
    await clicks(shared_world, "lee", message, "Deploy without waiting")
    await shows(
        shared_world, "#dev", number, ":white_check_mark:", "@lee chose not to wait for the pipeline", "deployed"
    )
    assert deploys(shared_world) == before + 1
    held.release()
