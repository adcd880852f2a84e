"""Which run is an operation's: answered once, by who may, and kept through a kill."""

from __future__ import annotations

import asyncio
import dataclasses
from typing import TYPE_CHECKING

import pytest

from bot.errors import UserError
from bot.operations.registry import Click
from bot.store.operations import Request
from handlers.shared import run_choice
from handlers.shared.run_choice_views import CHOOSE_RUN, NO_RUN
from runners.errors import RunnerError, UncertainError
from sandbox.github import BOT_LOGIN
from tests.unit.handlers.shared.dispatch_world import (
    HIDDEN,
    REPOSITORY,
    WORKFLOW,
    Killed,
    World,
    github_at,
    lost,
)

if TYPE_CHECKING:
    from sandbox.github import GitHubStandIn
    from tests.unit.handlers.conftest import Desk


async def none_of_two_runs(world: World, stand_in: GitHubStandIn) -> asyncio.Task[int]:
    """Operation 1, which is asked about two runs that are not its own and is answered so."""
    lost(stand_in, "before")
    world.steps[1, "newest run"] = 0
    for where in ("a", "b"):
        world.repository.dispatch(WORKFLOW, "main", {"where": where}, actor=BOT_LOGIN)
    deploying = asyncio.create_task(world.deploy(1))
    await world.asked(1)
    await world.says(1, NO_RUN)
    return deploying


async def test_runs_that_look_alike_are_asked_about_and_the_answer_is_taken(desk: Desk) -> None:
    async with github_at(HIDDEN, enterprise=False) as (stand_in, github):
        world = World(desk, github, stand_in.repository(REPOSITORY), mark_input="mark")
        lost(stand_in)
        world.steps[1, "newest run"] = 0
        foreign = world.repository.dispatch(WORKFLOW, "main", {"where": "prod"}, actor=BOT_LOGIN)
        deploying = asyncio.create_task(world.deploy(1, "dev"))
        text = await world.asked(1)
        (ours,) = world.ran.keys() - {foreign.run_id}
        assert "Which run is it?" in text
        assert "do not show `mark`" in text
        buttons = [block["accessory"]["value"] for block in world.messages[1].blocks if "accessory" in block]
        assert buttons == [f"1:{foreign.run_id}", f"1:{ours}"]
        assert await desk.run_claims.run_of(1) is None, "nothing is guessed"
        await world.says(1, str(ours))
        assert await deploying == ours
        assert await desk.run_claims.run_of(1) == ours
        assert [f"run `{ours}`" in line and "@lee" in line for line in world.thread] == [True], world.thread


async def test_none_of_the_runs_ends_it_and_nothing_is_started_again(desk: Desk) -> None:
    async with github_at(HIDDEN, enterprise=False) as (stand_in, github):
        world = World(desk, github, stand_in.repository(REPOSITORY))
        deploying = await none_of_two_runs(world, stand_in)
        with pytest.raises(RunnerError, match="none of the runs") as caught:
            await deploying
        assert not isinstance(caught.value, UncertainError)
        assert ["none of the runs" in line and "@lee" in line for line in world.thread] == [True], world.thread
        assert len(world.ran) == 2


async def test_a_run_whose_rival_has_found_its_own_becomes_certain(desk: Desk) -> None:
    async with github_at(HIDDEN, enterprise=True) as (stand_in, github):
        world = World(desk, github, stand_in.repository(REPOSITORY))
        await desk.run_claims.begin_dispatch(2, f"{REPOSITORY} {WORKFLOW} main")
        deploying = asyncio.create_task(world.deploy(1))
        await world.asked(1)
        (ours,) = world.ran
        foreign = world.repository.dispatch(WORKFLOW, "main", {"where": "x"}, actor=BOT_LOGIN)
        await asyncio.sleep(0.5)
        assert not deploying.done()
        assert await desk.run_claims.claim(2, foreign.run_id)
        assert await deploying == ours


async def test_who_may_approve_or_asked_says_which_run_it_is(desk: Desk) -> None:
    number = await desk.operations.create(Request("k", "deploy", "dev", "U0ANA", "Deploy main to dev", "C0DEV", {}))
    await desk.operations.set_message(number, "C0DEV", "1.0")
    click = Click("U0ANA", "C0DEV", "1.0", CHOOSE_RUN, "", "t", "")

    async def press(user: str, value: str) -> object:
        return await run_choice.choose(desk.services, dataclasses.replace(click, user=user, value=value))

    await desk.run_claims.claim(99, 5)
    with pytest.raises(UserError, match="belongs to another operation"):
        await press("U0LEE", f"{number}:5")
    with pytest.raises(UserError):
        await press("U0NOBODY", f"{number}:6")
    assert not await desk.services.annotations.values_of(number, run_choice.CHOSEN)
    await press("U0LEE", f"{number}:6")
    assert await desk.services.annotations.values_of(number, run_choice.CHOSEN) == ("6 U0LEE",)
    assert desk.engine.woken == [number]


async def test_who_answers_late_learns_that_the_run_is_known_and_changes_nothing(desk: Desk) -> None:
    number = await desk.operations.create(Request("k", "deploy", "dev", "U0ANA", "Deploy main to dev", "C0DEV", {}))
    await desk.operations.set_message(number, "C0DEV", "1.0")
    await desk.run_claims.claim(number, 5)
    for run in ("5", "6", NO_RUN):
        click = Click("U0LEE", "C0DEV", "1.0", CHOOSE_RUN, f"{number}:{run}", "t", "")
        with pytest.raises(UserError, match="has its run already"):
            await run_choice.choose(desk.services, click)
    assert not await desk.services.annotations.values_of(number, run_choice.CHOSEN)
    assert not desk.engine.woken


@pytest.mark.parametrize("then", ["", NO_RUN, "6"])
async def test_killed_while_it_takes_the_answer_the_claimed_run_counts(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, then: str
) -> None:
    async with github_at(HIDDEN, enterprise=False) as (stand_in, github):
        world = World(desk, github, stand_in.repository(REPOSITORY))
        lost(stand_in)
        world.steps[1, "newest run"] = 0
        foreign = world.repository.dispatch(WORKFLOW, "main", {"where": "prod"}, actor=BOT_LOGIN)
        whole = desk.run_claims.claim

        async def dies(operation: int, run_id: int) -> bool:
            await whole(operation, run_id)
            raise Killed

        deploying = asyncio.create_task(world.deploy(1))
        await world.asked(1)
        (ours,) = world.ran.keys() - {foreign.run_id}
        with monkeypatch.context() as patch:
            patch.setattr(desk.run_claims, "claim", dies)
            await world.says(1, str(ours))
            with pytest.raises(Killed):
                await deploying
        if then:
            await world.says(1, then)
        async with asyncio.timeout(10):
            assert await world.deploy(1) == ours


async def test_a_run_that_appears_after_none_of_them_is_no_other_operations(desk: Desk) -> None:
    key = f"{REPOSITORY} {WORKFLOW} main"
    async with github_at(HIDDEN, enterprise=False) as (stand_in, github):
        world = World(desk, github, stand_in.repository(REPOSITORY))
        deploying = await none_of_two_runs(world, stand_in)
        with pytest.raises(RunnerError, match="none of the runs"):
            await deploying
        assert await desk.run_claims.rivals(2, key, 0.0) == 1
