"""The images of a plan: what is known of them, what is marked, and the code deploy after older ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sandbox import fleet
from sandbox.stories._infrastructure import commit_images, images_of
from sandbox.world import Options
from tests.scenarios.acting import answered, clicks, forged, gets_notice, operations_in, rejects, shows, types
from tests.scenarios.conftest import running

if TYPE_CHECKING:
    from sandbox.aws import AwsHandle
    from sandbox.bot_process import Launch
    from sandbox.slack import Message
    from sandbox.world import World
    from tests.scenarios.conftest import StartWorld

GENERATION = {generation: fleet.Image("dev", "backend", generation) for generation in fleet.AGE_OF_GENERATION}
FOLLOWS = {"  dev:\n": "  dev:\n    code_deploy_after_old_image: {}\n"}


async def go_back(world: World, generation: int = 2) -> Message:
    """Dev's backend goes back to an older image: the plan that waits."""
    images = {**images_of("dev", fleet.NEWEST), "backend": GENERATION[generation].image_id}
    commit_images(world, "dev", images, "Go back to an older backend")
    number = len(operations_in(world)) + 1
    await types(world, "ana", "#dev", "/plan dev")
    return await shows(world, "#dev", f"#{number} ", "Waiting for approval")


async def test_an_image_that_goes_back_is_marked_and_its_code_deploy_offered_once(start_world: StartWorld) -> None:
    world = await start_world(speed=60.0)
    ask = await go_back(world)
    assert "⚠️ older" in ask.rendered
    assert "Older images: `backend` would go back" in ask.rendered.replace("*", "")
    assert "45 d" in ask.rendered
    await clicks(world, "ana", ask, "approve")
    done = await shows(world, "#dev", "#1 ", "applied", "Deploy the code again.")
    assert done.buttons == ["Deploy code to dev"]

    await world.bot.restart()
    await world.person("lee").click(forged(done, value="2"), "Deploy code to dev")
    await gets_notice(world.person("lee"), "I do not know this operation (any more).")
    await clicks(world, "gus", done, "Deploy code to dev")
    await gets_notice(world.person("gus"), "You may not run")
    old = done.snapshot()
    for _ in range(2):
        await world.person("ana").click(old, "Deploy code to dev")
    await shows(world, "#dev", ":white_check_mark:", "#2 Deploy main to dev", "deployed")
    assert ":arrow_right: code deploy: #2 Deploy main to dev  requested by @ana" in done.rendered
    assert not done.buttons
    answer = await answered(world, "ana", old, "Deploy code to dev")
    assert "The code deploy was begun from this message already: it is #2." in answer
    assert len(operations_in(world)) == 2


@pytest.mark.parametrize(("how", "begun"), [("start", 2), ("off", 1)])
async def test_what_follows_is_as_configured(start_world: StartWorld, how: str, begun: int) -> None:
    config = {old: new.format(how) for old, new in FOLLOWS.items()}
    world = await start_world(speed=60.0, config=config)
    ask = await go_back(world)
    await clicks(world, "ana", ask, "approve")
    done = await shows(world, "#dev", "#1 ", "applied")
    assert not done.buttons
    assert ("The code deploy has been started: #2 " in done.rendered) is (how == "start")
    if how == "start":
        await shows(world, "#dev", ":white_check_mark:", "#2 Deploy main to dev", "requested by @ana")
    await world.bot.restart()
    assert len(operations_in(world)) == begun


async def test_images_from_different_commits_are_marked(start_world: StartWorld, aws: AwsHandle) -> None:
    world = await start_world()
    ec2 = aws.ec2()
    commits = {"backend": "a" * 40, "cron": "b" * 40}
    for machine, commit in commits.items():
        image = fleet.Image("staging", machine, fleet.NEWEST).image_id
        ec2.create_tags(Resources=[image], Tags=[{"Key": "commit", "Value": commit}])
    try:
        await types(world, "ana", "#staging", "/plan staging")
        ask = await shows(world, "#staging", "#1 ", "Waiting for approval")
    finally:
        for machine in commits:
            image = fleet.Image("staging", machine, fleet.NEWEST).image_id
            ec2.delete_tags(Resources=[image], Tags=[{"Key": "commit"}])
    assert "The images were built from different commits:* `aaaaaaa`, `bbbbbbb`" in ask.rendered
    assert "⚠️ older" not in ask.rendered


async def test_without_an_answer_of_aws_the_plan_has_the_ids_and_says_unknown(forked: Launch) -> None:
    async with running(Options(without_aws=True), launch=forked) as world:
        await types(world, "ana", "#staging", "/plan staging")
        ask = await shows(world, "#staging", "#1 ", "Waiting for approval")
        rows = next(block for block in ask.blocks if block["type"] == "table")["rows"]
        cells = ["".join(_texts(cell)) for row in rows for cell in row]
        for generation in (3, 4):
            assert fleet.Image("staging", "backend", generation).image_id in cells
        assert "EC2 does not describe these images: names and ages are unknown" in ask.rendered
        assert "Older images" not in ask.rendered
        await rejects(world, "ana", ask)
        await shows(world, "#staging", "#1 ", "rejected")


def _texts(value: object) -> list[str]:
    match value:
        case {"type": "text" | "link", "text": str(text)}:
            return [text]
        case dict():
            return [text for item in value.values() for text in _texts(item)]
        case list():
            return [text for item in value for text in _texts(item)]
        case _:
            return []
