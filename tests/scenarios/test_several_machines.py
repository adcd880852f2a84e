"""Several machines on one PostgreSQL, each with files of its own: one dies, stops or sleeps, and its operations go on."""

from __future__ import annotations

import signal
import sys
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
import pytest_asyncio

from sandbox import waiting
from tests.scenarios.acting import rejects, shows
from tests.scenarios.staged import asked, one_message_each

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sandbox.bot_process import Child, Launch
    from sandbox.slack import Message
    from sandbox.world import World
    from tests.scenarios.conftest import StartWorld

pytestmark = [pytest.mark.needs_postgres, pytest.mark.slow("three bots start for each test")]
VAR = 'directory: "{files}/var"'
LEASE = 3.0  # seconds


class Machines:
    """A bot that serves, and workers on other machines."""

    def __init__(self, world: World, database: str, launch: Launch) -> None:
        self.world = world
        self.workers: dict[str, Child] = {}
        self._database = database
        self._launch = launch

    async def start(self, name: str, directory: str = "") -> Child:
        """A worker whose machine is named by the directory."""
        here = self.world.files / (directory or name)
        here.mkdir(exist_ok=True)
        text = self.world.bot._config.read_text().replace(f"{self.world.files}/var", f"{here}/var")
        (here / "signalbox.yaml").write_text(text)
        environment = {**self.world.bot._environment, "SIGNALBOX_EXECUTOR": name}
        argv = (sys.executable, "-m", "bot", "work", "--config", str(here / "signalbox.yaml"))
        child = await self._launch(argv, environment, here / "log")
        self.workers[name] = child
        return child

    def log(self, name: str) -> str:
        log = self.world.files / name / "log"
        return log.read_text() if log.exists() else ""

    def rows(self, statement: str) -> list[Any]:
        with psycopg.connect(self._database) as connection:
            return connection.execute(statement).fetchall()

    async def holder(self, name: str, number: int = 1) -> None:
        """Wait until this worker has the operation in hand."""
        pending = "SELECT workflow_uuid, executor_id FROM dbos.workflow_status WHERE status = 'PENDING'"
        wanted = f"operation-{number}", name
        await waiting.until(lambda: wanted in [(row[0], row[1].partition("#")[0]) for row in self.rows(pending)], 60)

    async def working(self, name: str) -> None:
        """Wait until this worker works."""
        await waiting.until(lambda: f"ready as {name}" in self.log(name), 60)


@pytest_asyncio.fixture(loop_scope="module")
async def machines(start_world: StartWorld, database_url: str, forked: Launch) -> AsyncIterator[Machines]:
    """The serving bot is drained, so that `b` has what is asked."""
    async with several(start_world, database_url, forked) as made:
        yield made


@asynccontextmanager
async def several(start_world: StartWorld, database: str, launch: Launch) -> AsyncIterator[Machines]:
    lease = {VAR: f"{VAR}\n  lease: {LEASE:.0f}s"}
    world = await start_world(environment={"DATABASE_URL": database}, config=lease)
    made = Machines(world, database, launch)
    try:
        await made.start("b")
        await made.working("b")
        assert "is draining" in await answers(world, "/infra workers drain serve")
        yield made
    finally:
        for child in made.workers.values():
            if child.returncode is None:
                child.kill()
                await child.wait()


async def answers(world: World, text: str) -> str:
    """What Lee alone gets as the answer to a command."""
    person = world.person("lee")
    before = len(person.ephemerals)
    assert (await person.type("#ops", text)).ok
    await waiting.until(lambda: len(person.ephemerals) > before, 20)
    return person.ephemerals[-1].rendered


async def waits_on_b(machines: Machines) -> Message:
    message = await asked(machines.world, "/plan staging", "#staging", "#1 ", "Waiting for approval")
    await machines.holder("b")
    return message


async def is_rejected(machines: Machines, message: Message) -> None:
    await rejects(machines.world, "lee", message)
    await shows(machines.world, "#staging", "#1 ", "rejected")
    one_message_each(machines.world, "#staging", 1)


async def test_another_machine_takes_up_what_a_dead_one_had_when_its_lease_ran_out(machines: Machines) -> None:
    message = await waits_on_b(machines)
    await machines.start("c")
    await machines.working("c")
    machines.workers["b"].kill()
    await machines.holder("c")
    # The bot that serves is drained: it hands on what b left, and takes none of it.
    assert "took up what b#1 left" in machines.log("c") + machines.world.bot.log.read_text()
    listed = await answers(machines.world, "/infra workers")
    assert "*b* on" in listed
    assert "ended" in listed
    await is_rejected(machines, message)


async def test_what_a_machine_has_goes_on_at_once_when_it_stops_politely(machines: Machines) -> None:
    message = await waits_on_b(machines)
    await machines.start("c")
    await machines.working("c")
    valid_until = (
        "SELECT lease_until - extract(epoch FROM clock_timestamp()) FROM signalbox_workers WHERE executor = 'b'"
    )
    machines.workers["b"].send_signal(signal.SIGTERM)
    assert await machines.workers["b"].wait() == 0
    assert machines.rows(valid_until)[0][0] < 0, "it gave its lease back"
    await machines.holder("c")
    await is_rejected(machines, message)


async def test_a_machine_that_slept_longer_than_its_lease_ends_and_does_nothing_twice(machines: Machines) -> None:
    message = await waits_on_b(machines)
    await machines.start("c")
    await machines.working("c")
    machines.workers["b"].send_signal(signal.SIGSTOP)
    await machines.holder("c")
    machines.workers["b"].send_signal(signal.SIGCONT)
    assert await machines.workers["b"].wait() == 70
    assert "took the lease of 'b'" in machines.log("b") or "no longer holds the lease" in machines.log("b")
    await is_rejected(machines, message)


async def test_a_drained_machine_hands_over_what_waits(machines: Machines) -> None:
    message = await waits_on_b(machines)
    await machines.start("c")
    await machines.working("c")
    assert "is draining" in await answers(machines.world, "/infra workers drain b")
    await machines.holder("c")
    await is_rejected(machines, message)
    assert machines.workers["b"].returncode is None


async def test_a_name_that_works_on_another_machine_is_refused_in_words(machines: Machines) -> None:
    child = await machines.start("b", "elsewhere")
    assert await child.wait() == 2
    assert "another Signalbox is running as 'b' on " in machines.log("elsewhere")
    assert "SIGNALBOX_EXECUTOR" in machines.log("elsewhere")


async def test_a_process_has_at_most_nine_connections(machines: Machines) -> None:
    message = await waits_on_b(machines)
    await is_rejected(machines, message)
    others = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    assert 0 < machines.rows(others)[0][0] <= 2 * 9
