"""Two versions on one database, each a process of its own: what waits goes on, or is ended in words, and is never lost."""

from __future__ import annotations

import asyncio
import multiprocessing
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from bot.settings import database_url
from tests.migrated import migrated
from tests.unit.bot.conftest import KEY
from tests.version_program import run

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from multiprocessing.connection import Connection
    from multiprocessing.context import ForkServerProcess
    from pathlib import Path

# Processes are forked from one that has imported the program, which takes two seconds; it starts with the first of them.
FORKING = multiprocessing.get_context("forkserver")
FORKING.set_forkserver_preload(["tests.version_program"])
WAITING = 50
ATTEMPTS = 250  # looks, 0.2 s apart: only ends a test that hangs


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.needs_postgres)])
async def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        address = f"sqlite:///{tmp_path}/signalbox.sqlite"
    else:
        address = database_url(request.getfixturevalue("postgres").new_database(), "")
    (await migrated(address)).close()
    return address


@dataclass
class Running:
    """A process of tests/version_program.py; `first` is what it says at its start."""

    process: ForkServerProcess
    connection: Connection
    first: dict[str, Any]

    async def order(self, line: str) -> dict[str, Any]:
        self.connection.send(line)
        return await _answer(self.connection)

    async def until(self, true: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """What it says as soon as this is true of it."""
        for _ in range(ATTEMPTS):
            observation = await self.order("look")
            if true(observation):
                return observation
            await asyncio.sleep(0.2)
        raise AssertionError(observation)

    async def until_all_wait(self, count: int) -> None:
        await self.until(
            lambda observation: sum("waiting to be woken" in text for text in observation["says"].values()) == count
        )

    async def kill(self) -> None:
        self.process.kill()
        await asyncio.to_thread(self.process.join)


async def _answer(connection: Connection) -> dict[str, Any]:
    answer: dict[str, Any] = await asyncio.to_thread(connection.recv)
    return answer


@asynccontextmanager
async def version(url: str, directory: Path, name: str, number: str, workflow: str) -> AsyncIterator[Running]:
    """A process of this version. It stops politely with the block."""
    here, there = FORKING.Pipe()
    process = FORKING.Process(target=run, args=(there, url, KEY, name, number, workflow, str(directory)))
    process.start()
    there.close()
    try:
        yield Running(process, here, await _answer(here))
        here.close()
        await asyncio.to_thread(process.join)
    finally:
        process.kill()
        process.join()
        process.close()
        here.close()


def unfinished(url: str) -> int:
    """How many workflows the engine still has to finish: it does so after the operation has recorded its end."""
    engine = sa.create_engine(url)
    schema = "dbos." if engine.dialect.name == "postgresql" else ""
    query = f"SELECT count(*) FROM {schema}workflow_status WHERE status IN ('PENDING', 'ENQUEUED', 'DELAYED')"  # noqa: S608
    with engine.connect() as connection:
        count = connection.exec_driver_sql(query).scalar()
    engine.dispose()
    return int(count or 0)


def statuses(observation: dict[str, Any]) -> set[str]:
    return set(observation["status"].values())


async def test_fifty_waiting_operations_go_on_under_a_newer_version(url: str, tmp_path: Path) -> None:
    async with version(url, tmp_path, "old", "2", "first") as old:
        await old.order(f"begin {WAITING}")
        await old.until_all_wait(WAITING)
    async with version(url, tmp_path, "new", "3", "patched") as new:
        await new.order("begin 1")  # beside them, one with the new step
        await new.until_all_wait(1)
        await new.order("wake")
        observation = await new.until(lambda observation: statuses(observation) == {"succeeded"})
        assert len(observation["status"]) == WAITING + 1
        ended = await new.until(lambda observation: all(observation["ended"].values()))
        assert set(map(tuple, ended["ended"].values())) == {("succeeded",)}, "each ended once"


async def test_a_killed_process_of_an_older_version_leaves_nothing_behind(url: str, tmp_path: Path) -> None:
    """The new one starts beside it. What the old one has begun stays with it until it is dead."""
    async with version(url, tmp_path, "old", "2", "first") as old:
        await old.order("begin 3")
        await old.until_all_wait(3)
        async with version(url, tmp_path, "new", "3", "patched") as new:
            await new.order("begin 3")
            await new.until_all_wait(3)
            assert statuses(await new.order("look")) == {"running"}
            engine = sa.create_engine(url)
            with engine.begin() as connection:
                schema = "dbos." if engine.dialect.name == "postgresql" else ""
                query = f"SELECT executor_id, application_version FROM {schema}workflow_status WHERE status = 'PENDING'"  # noqa: S608
                held = sorted(
                    {(str(each[0]).partition("#")[0], str(each[1])) for each in connection.exec_driver_sql(query)}
                )
                assert held == [("new", "3"), ("old", "2")]
                await old.kill()
                connection.exec_driver_sql("UPDATE signalbox_workers SET lease_until = 1 WHERE executor = 'old'")
            engine.dispose()
            await new.order("wake")
            observation = await new.until(lambda observation: statuses(observation) == {"succeeded"})
            assert len(observation["status"]) == 6


@pytest.mark.parametrize(
    ("workflow", "words"),
    [
        ("without-patch", "Signalbox was updated while this was open, and another version recorded other steps"),
        ("unknown", "This version has no operations of the kind “test”"),
    ],
)
async def test_what_a_version_cannot_continue_is_ended_in_words(
    url: str, tmp_path: Path, workflow: str, words: str
) -> None:
    async with version(url, tmp_path, "old", "2", "first") as old:
        await old.order("begin 5")
        await old.until_all_wait(5)
    async with version(url, tmp_path, "new", "3", workflow) as new:
        observation = await new.until(lambda observation: statuses(observation) == {"failed"})
        assert all(words in text and "Run the command again" in text for text in observation["says"].values()), (
            observation["says"]
        )
        assert set(map(tuple, observation["ended"].values())) == {("not continued",)}


async def test_an_older_version_does_not_start_after_or_beside_a_newer_one(url: str, tmp_path: Path) -> None:
    async with version(url, tmp_path, "new", "3", "first") as new:
        async with version(url, tmp_path, "old", "2", "first") as old:
            assert "'new' on host-new runs version 3 of the workflows" in old.first["refused"]
        await new.order("begin 2")
        await new.until_all_wait(2)
    async with version(url, tmp_path, "old", "2", "first") as old:
        assert "unfinished operations of a newer Signalbox (#1, #2)" in old.first["refused"]
    async with version(url, tmp_path, "new", "3", "first") as new:
        await new.order("wake")
        await new.until(lambda observation: statuses(observation) == {"succeeded"} and not unfinished(url))
    async with version(url, tmp_path, "old", "2", "first") as old:
        assert old.first == {"ready": "old"}, "nothing of the newer one is left"


async def test_an_operation_that_the_engine_does_not_know_or_cannot_read_is_ended_in_words(
    url: str, tmp_path: Path
) -> None:
    async with version(url, tmp_path, "old", "2", "first") as old:
        await old.order("begin 4")
        await old.until_all_wait(4)
    engine = sa.create_engine(url)
    schema = "dbos." if engine.dialect.name == "postgresql" else ""
    for change in (
        "DELETE FROM {}workflow_status WHERE workflow_uuid = 'operation-1'",
        "UPDATE {}workflow_status SET serialization = 'pickled' WHERE workflow_uuid = 'operation-2'",
        "UPDATE {}workflow_status SET application_version = 'unheard' WHERE workflow_uuid = 'operation-3'",
        "UPDATE {}operation_outputs SET serialization = 'pickled' WHERE workflow_uuid = 'operation-4'",
    ):
        with engine.begin() as connection:
            connection.exec_driver_sql(change.format(schema))
    engine.dispose()
    async with version(url, tmp_path, "new", "2", "first") as new:
        observation = await new.until(lambda observation: statuses(observation) == {"failed"})
        words = {number: text for number, text in observation["says"].items() if text}
        assert "The durable engine has no record of it" in words[1]
        assert "It is stored in the form 'pickled'" in words[2]
        assert "It is of the version 'unheard'" in words[3]
        assert "in a form that this version cannot read" in words[4]
