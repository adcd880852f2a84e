"""The bot is killed while something waits to start later, and while it begins it: it begins once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sandbox.github.seed import INFRASTRUCTURE
from sandbox.github.stand_in import BOT_LOGIN
from tests.scenarios.acting import shows, types
from tests.scenarios.conftest import FAST
from tests.scenarios.moments import killed_at_row, rows, stops_at_row

if TYPE_CHECKING:
    from tests.scenarios.conftest import StartWorld


@pytest.mark.parametrize(
    ("table", "condition"),
    [
        ("operation_outputs", "NEW.function_name = 'admit'"),
        ("signalbox_operations", "NEW.kind = 'deploy'"),
        ("operation_outputs", "NEW.function_name = 'begun'"),
    ],
    ids=["at the checks", "at its number", "once it began"],
)
async def test_what_starts_later_begins_once(start_world: StartWorld, table: str, condition: str) -> None:
    world = await start_world(speed=FAST)
    await types(world, "lee", "#ops", "/infra freeze dev the network is moved")
    await types(world, "ana", "#dev", "/deploy dev later")
    await shows(world, "#dev", "Deploy main to dev, when", "starts when changes are allowed again")
    await world.bot.kill()
    await world.bot.start()
    stops_at_row(world, table, condition)
    await types(world, "lee", "#ops", "/infra unfreeze dev")
    await killed_at_row(world)
    await world.bot.start()
    await shows(world, "#dev", ":white_check_mark:", "*#2 Deploy main to dev*", "deployed")
    await shows(world, "#dev", "*#1 ", "the window is open, #2 began")
    runs = world.github.repository(INFRASTRUCTURE).runs.values()
    assert len([run for run in runs if run.actor == BOT_LOGIN]) == 1
    assert rows(world, "SELECT count(*) FROM signalbox_operations WHERE kind = 'deploy'") == [(1,)]


async def test_what_is_cancelled_while_the_bot_is_dead_never_begins(start_world: StartWorld) -> None:
    world = await start_world(speed=FAST)
    await types(world, "lee", "#ops", "/infra freeze dev the network is moved")
    await types(world, "ana", "#dev", "/deploy dev later")
    await shows(world, "#dev", "Deploy main to dev, when", "starts when changes are allowed again")
    await types(world, "ana", "#dev", "/infra cancel 1")
    await world.bot.kill()
    await world.bot.start()
    await types(world, "lee", "#ops", "/infra unfreeze dev")
    await shows(world, "#dev", "*#1 ", "cancelled by @ana", "nothing was started")
    assert not world.github.repository(INFRASTRUCTURE).runs
