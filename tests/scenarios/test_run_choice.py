"""Runs that look alike: nothing is guessed, somebody says which run is the deploy's, also after a kill."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sandbox.exchanges import DropConnectionError
from sandbox.github.stand_in import BOT_LOGIN
from tests.scenarios.acting import clicks, infrastructure, shows, types

if TYPE_CHECKING:
    from sandbox.exchanges import Exchange
    from sandbox.github.runs import Run
    from sandbox.world import World
    from tests.scenarios.conftest import StartWorld

WORKFLOW = "deploy-dev.yml"


def answer_lost_beside_another_run(world: World) -> list[Run]:
    """The answer to the next dispatch is lost, and somebody with the bot's account starts the same workflow."""
    foreign: list[Run] = []

    async def hook(exchange: Exchange) -> None:
        if not foreign and exchange.phase == "after" and exchange.path.endswith("/dispatches"):
            foreign.append(infrastructure(world).dispatch(WORKFLOW, "main", actor=BOT_LOGIN))
            raise DropConnectionError

    world.github.on_request.append(hook)
    return foreign


@pytest.mark.parametrize("killed", [False, True])
@pytest.mark.slow("waits for GitHub's lists, which lag, before it asks")
async def test_runs_that_look_alike_are_listed_and_one_is_chosen(start_world: StartWorld, *, killed: bool) -> None:
    world = await start_world(speed=50.0)
    foreign = answer_lost_beside_another_run(world)
    await types(world, "ana", "#dev", "/deploy dev")
    asks = await shows(world, "#dev", "#1 ", "Which run is it?", "Signalbox does not guess")
    (theirs,) = foreign
    (ours,) = [run for run in infrastructure(world).runs.values() if run is not theirs]
    assert {f"Use run {run.number}" for run in (ours, theirs)} <= set(asks.buttons)
    if killed:
        await world.bot.kill()
        await world.bot.start()
    await clicks(world, "lee", asks, f"Use run {ours.number}")
    done = await shows(world, "#dev", ":white_check_mark:", "#1 ", "deployed")
    assert f"run {ours.number}" in done.rendered
    assert len(infrastructure(world).runs) == 2


@pytest.mark.slow("waits for GitHub's lists, which lag, before it asks")
async def test_none_of_the_runs_ends_the_deploy_without_another_start(start_world: StartWorld) -> None:
    world = await start_world(speed=50.0)
    answer_lost_beside_another_run(world)
    await types(world, "ana", "#dev", "/deploy dev")
    asks = await shows(world, "#dev", "#1 ", "Which run is it?")
    await clicks(world, "ana", asks, "None of these")
    await shows(world, "#dev", ":x:", "#1 ", "of the runs on GitHub is this operation's")
    assert len(infrastructure(world).runs) == 2
