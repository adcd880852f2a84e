"""Operations go to the workers that have the labels of their environment, and to no process that only answers Slack."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.scenarios.acting import rejects, shows
from tests.scenarios.machines import BEGINS, second_machine, sharing
from tests.scenarios.moments import until

if TYPE_CHECKING:
    from sandbox.bot_process import Launch
    from tests.scenarios.conftest import StartWorld

pytestmark = [pytest.mark.needs_postgres, pytest.mark.slow("four bots start")]
LEASE = 3.0  # seconds


async def test_an_operation_waits_for_a_worker_with_its_labels_also_after_a_death(
    start_world: StartWorld, database_url: str, forked: Launch
) -> None:
    options = sharing(database_url, f"{LEASE:.0f}s")
    options["config"] |= {"  staging:\n": "  staging:\n    worker_labels: [vault]\n"}
    world = await start_world(**options)
    ana = world.person("ana")
    await ana.type("#staging", "/plan staging")
    await shows(
        world, "#staging", "#1 ", "no running worker has the label vault; start one with SIGNALBOX_LABELS=vault"
    )
    async with second_machine(world, forked, SIGNALBOX_LABELS="vault,eu") as b:
        await shows(world, "#staging", "#1 ", "Waiting for approval")
        await b.kill()
        await until(
            lambda: "b on" in world.bot.log.read_text() and "took up what b#1 left" in world.bot.log.read_text()
        )
    async with second_machine(world, forked, "c", SIGNALBOX_LABELS="vault") as c:
        await ana.type("#staging", "/infra workers")
        await until(lambda: any("labels `vault`" in each.rendered for each in ana.ephemerals))
        message = await shows(world, "#staging", "#1 ", "Waiting for approval")
        await world.person("lee").click(message, "approve")
        await shows(world, "#staging", "#1 ", "applied")
        assert f"operation 1: {BEGINS}apply" in c.log.read_text()
    assert f"operation 1: {BEGINS}" not in world.bot.log.read_text().replace(f"{BEGINS}message", "")


async def test_a_process_that_only_answers_takes_no_operation(
    start_world: StartWorld, database_url: str, forked: Launch
) -> None:
    world = await start_world(**sharing(database_url, f"{LEASE:.0f}s"))
    world.bot._command = "serve --no-work"
    await world.bot.restart()
    await world.person("lee").type("#staging", "/plan staging")
    await shows(world, "#staging", "#1 ", "no running worker takes operations; start one with")
    async with second_machine(world, forked):
        message = await shows(world, "#staging", "#1 ", "Waiting for approval")
        await rejects(world, "lee", message)
        await shows(world, "#staging", "#1 ", "rejected")
