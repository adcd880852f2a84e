"""What the trail and the log tell afterwards: what was planned, begun in the world, and how each operation ended."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

from tests.scenarios import moments
from tests.scenarios.acting import clicks, infrastructure, shows, types

if TYPE_CHECKING:
    from sandbox.world import World


async def trail(world: World, number: int) -> list[tuple[str, dict[str, str]]]:
    """(action, details) of an operation that is over, oldest first."""
    query = f"SELECT action, detail FROM signalbox_audit WHERE operation = {number} ORDER BY number"  # noqa: S608  -- a number of ours
    async with asyncio.timeout(60):
        while True:  # it is noted right after the end is shown
            found = [(str(action), json.loads(str(detail))) for action, detail in moments.rows(world, query)]
            if found and found[-1][0] == "ended":
                return found
            await asyncio.sleep(0.05)


async def test_the_trail_and_the_log_tell_of_a_plan_its_apply_and_both_kinds_of_deploy(shared_world: World) -> None:
    world = shared_world
    await types(world, "ana", "#dev", "/plan dev")
    await shows(world, "#dev", "#1 ", "up to date")
    *_, (planned, up_to_date), (_, nothing) = await trail(world, 1)
    assert (planned, up_to_date["changes"]) == ("planned", "none")
    assert nothing == {"status": "succeeded", "outcome": "up to date"}

    await types(world, "ana", "#staging", "/plan staging")
    ask = await shows(world, "#staging", "#2 ", "Waiting for approval")
    await clicks(world, "lee", ask, "approve")
    await shows(world, "#staging", "#2 ", "applied, 3 added")
    told = await trail(world, 2)
    assert [action for action, _ in told] == ["plan", "planned", "approved", "apply started", "apply ended", "ended"]
    found = dict(told)
    assert found["planned"] == found["apply started"]
    assert len(found["planned"]["plan"]) == 12
    assert found["planned"]["plan"] in ask.rendered
    assert found["planned"]["commit"] == infrastructure(world).graph.resolve("main").sha[:7]
    assert found["planned"]["changes"] == "3 to replace, 1 to update, 3 outputs"
    assert found["apply ended"] == {"outcome": "applied", "done": "3 added, 1 changed, 3 destroyed"}
    assert found["ended"]["outcome"] == "applied"

    await types(world, "ana", "#dev", "/deploy dev")
    await shows(world, "#dev", ":white_check_mark:", "#3 ", "deployed")
    told = await trail(world, 3)
    assert [action for action, _ in told] == ["deploy", "dispatched", "recorded on GitHub", "run ended", "ended"]
    found = dict(told)
    assert found["dispatched"]["url"] == found["run ended"]["url"]
    assert found["dispatched"]["commit"] == found["run ended"]["commit"]
    assert found["run ended"]["outcome"] == "succeeded"
    assert found["ended"]["outcome"] == "deployed"

    await types(world, "ana", "#staging", "/deploy staging")
    ask = await shows(world, "#staging", "#4 ", "Waiting for approval")
    await clicks(world, "lee", ask, "approve")
    await shows(world, "#staging", ":white_check_mark:", "#4 ", "deployed")
    plays = [detail["machine"] for action, detail in await trail(world, 4) if action == "playbook started"]
    ends = [
        (detail["machine"], detail["outcome"]) for action, detail in await trail(world, 4) if action == "playbook ended"
    ]
    assert plays == ["backend", "cron", "taskrunner", "sftp"]
    assert ends == [(machine, "succeeded") for machine in plays]

    log = world.bot.log.read_text()
    for line in (
        "operation 2: plan in staging, for U0ANA",
        "operation 2: approved by U0LEE, approved",
        "operation 2: begins apply",
        "operation 2: ended, succeeded",
        "operation 3: begins dispatch",
    ):
        assert line in log
