"""A keeper dies alone: the bot on its machine reads what really happened, and nobody calls it interrupted by a lost machine."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from bot.children import following
from bot.seals import Keyring
from bot.settings import database_url
from runners.processes import supervise
from tests.migrated import migrated
from tests.postgres_server import PostgresServer, running_postgres
from tests.real.keeping_support import Beats, Machine

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from bot.children.spec import Answer, Spec
    from bot.store.database import Store
    from runners.processes.children import Child

pytestmark = pytest.mark.needs_postgres
KEY = bytes(range(32)).hex()
LEASE = 20.0
LONG = 60.0  # seconds of work: longer than any test waits


@pytest.fixture(scope="module")
def postgres() -> Iterator[PostgresServer]:
    with running_postgres() as server:
        yield server


@pytest.fixture
async def store(postgres: PostgresServer) -> AsyncIterator[Store]:
    made = await migrated(database_url(postgres.new_database(), ""), Keyring.read(KEY))
    yield made
    made.close()


@pytest.fixture
def here(store: Store, tmp_path: Path) -> Iterator[Machine]:
    machine = Machine(store, tmp_path / "here", "here", LEASE)
    yield machine
    machine.lose()


@pytest.fixture
def there(store: Store, tmp_path: Path) -> Machine:
    return Machine(store, tmp_path / "there", "there", LEASE)


@pytest.fixture
def beats(tmp_path: Path) -> Beats:
    return Beats(tmp_path / "beats")


async def followed(machine: Machine) -> Child:
    child = await machine.attach()
    assert child
    return child


def traces(machine: Machine) -> list[Path]:
    return list((machine.home / "keepers").glob("*"))


async def nobody_keeps(machine: Machine) -> None:
    while machine.keepers:  # noqa: ASYNC110  -- another process ends
        await asyncio.sleep(0.05)


@pytest.mark.parametrize("manner", ["listens", "deaf"])
async def test_what_its_supervisor_stopped_ends_with_its_exit_code(
    here: Machine, there: Machine, beats: Beats, manner: str
) -> None:
    code, last = {"listens": (4, "interrupted ends"), "deaf": (-9, "begins")}[manner]
    await here.start(beats.path, LONG, manner)
    await beats.begun()
    child = await followed(there)
    [keeper] = here.keepers
    keeper.kill()
    keeper.wait()
    await there.rescue()  # of another machine: there is nothing to do
    await here.rescue()
    assert await child.wait(LEASE) == code
    assert [line async for line in child.lines()][-1] == last
    await nobody_keeps(here)
    assert len(beats.runs) == 1
    assert traces(here) == []


async def test_what_had_ended_by_itself_is_no_failure(here: Machine, there: Machine, beats: Beats) -> None:
    await here.start(beats.path, 0.5)
    await beats.begun()
    [keeper] = here.keepers
    keeper.suspend()
    while supervise.started_at(here.supervised[0]):  # noqa: ASYNC110  -- another process ends
        await asyncio.sleep(0.05)
    keeper.kill()
    keeper.wait()
    await here.rescue()
    child = await followed(there)
    assert await child.wait(LEASE) == 0
    assert [line async for line in child.lines()] == ["begins", "ends"]


async def test_a_keeper_that_lives_is_left_alone(here: Machine, there: Machine, beats: Beats) -> None:
    await here.start(beats.path, LONG)
    await beats.begun()
    await here.rescue()
    assert len(here.keepers) == 1
    assert len(traces(here)) == 1
    await (await followed(there)).cancel(5)
    await nobody_keeps(here)
    assert traces(here) == []


async def test_two_bots_of_a_machine_give_it_one_keeper(here: Machine, there: Machine, beats: Beats) -> None:
    await here.start(beats.path, LONG, "deaf")
    await beats.begun()
    [keeper] = here.keepers
    keeper.kill()
    keeper.wait()
    await asyncio.gather(*(here.rescue() for _ in range(4)))
    assert len(here.keepers) <= 1
    assert await (await followed(there)).wait(LEASE) == -9


async def test_the_end_of_the_machine_ends_it_as_cancel_does(here: Machine, there: Machine, beats: Beats) -> None:
    await here.start(beats.path, LONG)
    await beats.begun()
    [keeper] = here.keepers
    keeper.send_signal(signal.SIGTERM)
    child = await followed(there)
    assert await child.wait(LEASE) == 4
    assert [line async for line in child.lines()] == ["begins", "interrupted ends"]
    await nobody_keeps(here)


async def test_the_trace_of_what_is_over_is_removed(here: Machine, beats: Beats) -> None:
    child = await here.start(beats.path, LONG)
    await beats.begun()
    here.lose()
    await nobody_keeps(here)
    assert len(traces(here)) == 1
    await here.rescue()  # it finds that neither the supervisor nor the program lives, and records that
    assert await child.wait(LEASE) is None
    await nobody_keeps(here)
    await here.rescue()
    assert traces(here) == []


class DeadBotError(Exception):
    """The bot ended here."""


def start_unheard(spec: Spec) -> None:
    """Start a keeper whose answer nobody reads."""
    argv = [sys.executable, "-I", "-c", following._START]
    reading, writing = os.pipe()
    os.close(reading)
    try:
        text = spec.to_json().encode()
        subprocess.run(argv, cwd="/", env={"PATH": os.defpath}, input=text, stdout=writing, check=True)
    finally:
        os.close(writing)


async def test_a_keeper_whose_bot_died_before_its_answer_keeps_all_the_same(
    here: Machine, there: Machine, beats: Beats, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def die(spec: Spec) -> Answer:
        await asyncio.to_thread(start_unheard, spec)
        raise DeadBotError

    monkeypatch.setattr(following, "start_keeper", die)
    with pytest.raises(DeadBotError):
        await here.start(beats.path, 3.0)
    await beats.begun()
    child = await followed(there)
    assert await child.wait(LEASE) == 0
    assert [line async for line in child.lines()] == ["begins", "ends"]
    await nobody_keeps(here)
    assert traces(here) == []
