"""Ten processes on one PostgreSQL stay below its default limit of 100 connections while they work."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import psycopg
import pytest

from tests.scenarios.acting import rejects, shows
from tests.scenarios.machines import second_machine, sharing
from tests.scenarios.moments import until

if TYPE_CHECKING:
    from sandbox.bot_process import Launch
    from tests.scenarios.conftest import StartWorld

pytestmark = [pytest.mark.needs_postgres, pytest.mark.slow("ten bots start")]
PROCESSES, EACH = 10, 9  # as docs/several-machines.md states
COUNT = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()
"""


class Connections:
    """Counts the connections to a database until it is closed."""

    def __init__(self, url: str) -> None:
        self.most = 0
        self._connection = psycopg.connect(url.replace("postgresql+psycopg", "postgresql"), autocommit=True)
        self._task = asyncio.create_task(self._count())

    async def _count(self) -> None:
        while True:
            row = await asyncio.to_thread(lambda: self._connection.execute(COUNT).fetchone())
            self.most = max(self.most, row[0] if row else 0)
            await asyncio.sleep(0.05)

    async def close(self) -> None:
        self._task.cancel()
        await asyncio.wait({self._task})
        self._connection.close()

    def limit(self) -> int:
        """How many the server lets in, without those for its administrators."""
        rows = self._connection.execute("SELECT name, setting FROM pg_settings").fetchall()
        settings = {str(name): str(setting) for name, setting in rows}
        return int(settings["max_connections"]) - int(settings["superuser_reserved_connections"])


async def test_ten_processes_stay_below_a_hundred_connections(
    start_world: StartWorld, database_url: str, forked: Launch
) -> None:
    world = await start_world(**sharing(database_url, "30s"))
    async with AsyncExitStack() as stack:
        counted = Connections(database_url)
        stack.push_async_callback(counted.close)
        for number in range(1, PROCESSES):
            await stack.enter_async_context(second_machine(world, forked, f"w{number}"))
        ana = world.person("ana")
        await ana.type("#ops", "/infra workers")
        await until(lambda: any(each.rendered.count("working, since") == PROCESSES for each in ana.ephemerals))
        for command in ("/plan dev", "/plan staging", "/plan prod", "/deploy dev main", "/plan dev -ref=main"):
            assert (await ana.type("#dev", command)).ok
        # Any process gives a request its number, so that they need not be in the order of the commands.
        for channel in ("#staging", "#prod"):
            await rejects(world, "ana", await shows(world, channel, "Waiting for approval", timeout=120))
        await shows(world, "#dev", "Deploy main to dev", ": deployed ", timeout=120)
        await until(lambda: sum("up to date" in message.rendered for message in world.channel("#dev").messages) == 2)
        assert PROCESSES < counted.most <= PROCESSES * EACH
        assert counted.most < min(100, counted.limit())
