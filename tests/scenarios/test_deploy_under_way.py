"""A deploy that somebody started in GitHub while a new one is requested: waited for across a kill, and cancelled."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.github.stand_in import BOT_LOGIN
from tests.scenarios.acting import clicks, infrastructure, shows, types
from tests.scenarios.moments import killed_at_row, stops_at_row

if TYPE_CHECKING:
    from tests.scenarios.conftest import StartWorld

WORKFLOW = "deploy-dev.yml"


async def test_a_run_by_hand_is_waited_for_whatever_happens_to_the_bot(start_world: StartWorld) -> None:
    world = await start_world(speed=60.0, webhooks=True)
    repository = infrastructure(world)
    held = repository.hold_next(WORKFLOW, job="cron")
    run = repository.dispatch(WORKFLOW, "main", actor="max-weber")
    await shows(world, "#dev", "Deploy to dev, run 1", "started in GitHub by max-weber", "running")
    await types(world, "ana", "#dev", "/deploy dev")
    message = await shows(world, "#dev", "#2 ", "waiting for Deploy to dev, run 1")
    await clicks(world, "ana", message, "Cancel")
    await shows(world, "#dev", "#2 ", "cancelled by @ana, nothing was deployed")
    await types(world, "ana", "#dev", "/deploy dev")
    await shows(world, "#dev", "#3 ", "waiting for Deploy to dev, run 1")
    stops_at_row(world, "operation_outputs", "NEW.function_name = 'deploys under way'")
    held.release()
    await killed_at_row(world)
    await world.bot.start()
    await shows(world, "#dev", "#3 ", ":white_check_mark:", "deployed")
    done = await shows(world, "#dev", "#1 ", ":white_check_mark:", "deployed", run.commit.short)
    assert not done.buttons
    assert sum(each.actor == BOT_LOGIN for each in repository.runs.values()) == 1
    assert len(world.channel("#dev").messages) == 3
