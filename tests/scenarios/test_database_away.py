"""PostgreSQL goes away for a while, as it does when it is updated: nothing is lost, begun later or done twice."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from tests.postgres_server import PostgresServer, running_postgres
from tests.scenarios.acting import answered, asked_of_github, gets_notice, shows, types
from tests.scenarios.staged import approved, asked, machines_wait

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sandbox.world import World
    from tests.scenarios.conftest import StartWorld

pytestmark = pytest.mark.needs_postgres
AWAY = "My database does not answer"
AS_LONG = 3.0  # seconds; longer than an operation that notices it takes to try again


@pytest.fixture
def server() -> Iterator[PostgresServer]:
    """A server of the test's own, which it may stop."""
    with running_postgres() as running:
        yield running


async def of_staging(start_world: StartWorld, server: PostgresServer) -> World:
    return await start_world(environment={"DATABASE_URL": server.new_database()})


async def test_an_approval_waits_for_the_database_and_a_click_is_answered(
    start_world: StartWorld, server: PostgresServer
) -> None:
    world = await of_staging(start_world, server)
    message = await asked(world, "/plan staging", "#staging", "#1 ", "Waiting for approval")
    server.stop()
    assert AWAY in await answered(world, "lee", message, "approve")
    await world.person("ana").type("#dev", "/plan dev")
    await gets_notice(world.person("ana"), AWAY)
    await asyncio.sleep(AS_LONG)
    server.start()
    await world.person("lee").click(message, "approve")
    await shows(world, "#staging", ":white_check_mark: *#1 ", "applied")
    assert not world.channel("#dev").messages, "what could not be begun is not begun later"
    await types(world, "ana", "#dev", "/plan dev")
    await shows(world, "#dev", "Plan for dev", "up to date")


async def test_an_apply_goes_on_while_the_database_is_away_and_is_told_afterwards(
    start_world: StartWorld, server: PostgresServer
) -> None:
    world = await of_staging(start_world, server)
    machines = machines_wait(world)
    await approved(world, "/plan staging")
    await machines.reached(3)
    server.stop()
    await asyncio.sleep(AS_LONG)
    machines.open()
    await asyncio.sleep(AS_LONG)
    server.start()
    await shows(world, "#staging", ":white_check_mark: *#1 ", "applied")
    assert machines.times_run == 3


async def test_a_deploy_is_dispatched_once(start_world: StartWorld, server: PostgresServer) -> None:
    world = await of_staging(start_world, server)
    await types(world, "ana", "#dev", "/deploy dev")
    await shows(world, "#dev", "#1 ", "running")
    server.stop()
    await asyncio.sleep(AS_LONG)
    server.start()
    await shows(world, "#dev", ":white_check_mark: *#1 ", "deployed")
    assert sum("/dispatches" in item for item in asked_of_github(world)) == 1
