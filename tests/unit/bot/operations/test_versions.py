"""Two versions on one database, each a process of its own: what waits goes on, or is ended in words, and is never lost."""

from __future__ import annotations

import asyncio
import json
import sys
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from bot.settings import database_url
from tests.migrated import migrated
from tests.unit.bot.conftest import KEY

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

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
    """A process of tests/version_program.py; `first` is what it text at its start."""

    process: asyncio.subprocess.Process
    first: dict[str, Any]

    async def order(self, line: str) -> dict[str, Any]:
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(f"{line}\n".encode())
        answer: dict[str, Any] = json.loads(await self.process.stdout.readline())
        return answer

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


@asynccontextmanager
async def version(url: str, directory: Path, name: str, number: str, workflow: str) -> AsyncIterator[Running]:
    """A process of this version. It stops politely with the block."""
    argv = [sys.executable, "-m", "tests.version_program", url, KEY, name, number, workflow, str(directory)]
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*argv, stdin=pipe, stdout=pipe, limit=1_000_000)
    assert process.stdin
    assert process.stdout
    try:
        yield Running(process, json.loads(await process.stdout.readline()))
        process.stdin.close()
        await process.wait()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


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
                old.process.kill()
                await old.process.wait()
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
        assert "The durable engine has no record of it" in words["1"]
        assert "It is stored in the form 'pickled'" in words["2"]
        assert "It is of the version 'unheard'" in words["3"]
        assert "in a form that this version cannot read" in words["4"]
