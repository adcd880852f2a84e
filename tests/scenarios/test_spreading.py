"""Runs spread over the machines that have room, and the limits of a machine and of all together hold for several processes."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from tests.scenarios.acting import rejects, shows, types
from tests.scenarios.machines import OPERATIONS, second_machine
from tests.scenarios.moments import until
from tests.scenarios.waiting_terraform import WaitingTerraform, waiting_terraform

if TYPE_CHECKING:
    from sandbox.bot_process import Launch
    from sandbox.world import World
    from tests.scenarios.conftest import StartWorld

pytestmark = [pytest.mark.needs_postgres, pytest.mark.slow("two bots start, and plan")]
LONG = 1.0  # seconds in which a plan that must not begin would have begun


def options(url: str, at_once: str, terraform: WaitingTerraform, **labels: str) -> dict[str, Any]:
    """A world on PostgreSQL with this limit, whose environments need these labels."""
    needs = {f"  {name}:\n": f"  {name}:\n    worker_labels: [{label}]\n" for name, label in labels.items()}
    return {
        "config": {OPERATIONS: f"{OPERATIONS}  lease: 30s\n  at_once: {{{at_once}}}\n", **terraform.config, **needs},
        "environment": {"DATABASE_URL": url, "SIGNALBOX_EXECUTOR": "a", "SIGNALBOX_LABELS": labels.get("dev", "")},
    }


async def ask(world: World, *environments: str) -> None:
    for name in environments:
        await types(world, "ana", f"#{name}", f"/plan {name}")


async def end(world: World, *environments: str) -> None:
    """Wait for each plan's end; what waits for an approval is rejected."""
    for name in environments:
        if name == "dev":
            await shows(world, "#dev", "up to date")
            continue
        message = await shows(world, f"#{name}", "Waiting for approval")
        await rejects(world, "lee", message)
        await shows(world, f"#{name}", "rejected")


async def test_plans_run_on_each_machine_that_has_room_and_the_rest_waits_for_the_first_that_gets_some(
    start_world: StartWorld, database_url: str, forked: Launch
) -> None:
    async with waiting_terraform() as terraform:
        world = await start_world(**options(database_url, "machine: 1", terraform))
        await terraform.attach(world)
        async with second_machine(world, forked) as b:
            await ask(world, "dev", "staging")
            await terraform.runs(world, 2)
            await ask(world, "prod")
            message = await shows(world, "#prod", "waiting for room: every machine that may run it is at its limit")
            assert message.buttons == ["Cancel"]
            assert len(terraform.running(world)) == 2
            terraform.open(world)
            await end(world, "dev", "staging", "prod")
            for bot in (world.bot, b):
                assert "operation" in bot.log.read_text()


@pytest.mark.parametrize(
    "limit",
    [
        ("total: 1", "far", "on all machines together: 1 of 1 runs"),
        ("machine: 1", "near", ": 1 of 1 runs (`operations.at_once`)"),
    ],
    ids=["in all", "by machine"],
)
async def test_never_two_programs_where_the_limit_is_one_and_both_end(
    start_world: StartWorld, database_url: str, forked: Launch, limit: tuple[str, str, str]
) -> None:
    """Two labels, so that each of two processes has to take one plan; or one label, whose process takes both."""
    at_once, label, words = limit
    async with waiting_terraform() as terraform:
        world = await start_world(**options(database_url, at_once, terraform, dev="near", staging=label))
        await terraform.attach(world)
        async with second_machine(world, forked, SIGNALBOX_LABELS="far"):
            await ask(world, "dev", "staging")
            await terraform.runs(world, 1)
            waiting = "staging" if terraform.running(world) == ["dev"] else "dev"
            await shows(world, f"#{waiting}", "Waits for room", words)
            await asyncio.sleep(LONG)
            assert len(terraform.running(world)) == 1
            terraform.open(world)
            most = asyncio.create_task(until(lambda: len(terraform.running(world)) > 1))
            await end(world, "dev", "staging")
            assert not most.done(), "two ran together"
            most.cancel()
            await asyncio.wait({most})
