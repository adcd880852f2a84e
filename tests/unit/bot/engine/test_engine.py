"""What the durable engine stores: JSON of registered classes, never a pickle; on a real engine over SQLite."""

from __future__ import annotations

import asyncio
import pickle
import sqlite3
from base64 import b64encode
from contextlib import closing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest
from dbos import DBOS

from bot.engine.engine import Engine, EngineSettings, StepResult
from bot.engine.serializer import NotStorableError, unpack_sealed
from bot.seals import Keyring
from bot.store.operations import Request
from runners.errors import NotFoundError
from runners.results import Commit
from tests.unit.bot.conftest import KEY

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine
    from pathlib import Path

KEYRING = Keyring.read(KEY)
COMMIT = Commit("o/r", "a" * 40, "main", "Raise the memory", "Lee", "https://github.com/o/r")
REQUEST = Request("key", "stored", "dev", "U0ANA", "Test", "C0OPS", {})
# Every column of DBOS's tables that holds a value of ours.
COLUMNS = {
    "workflow_input": ("inputs",),
    "workflow_output": ("output", "error"),
    "operation_outputs": ("output", "error"),
    "notifications": ("message",),
}


@dataclass(frozen=True)
class Unregistered:
    """A class that is not registered."""

    name: str


class Planted:
    """What a pickle runs when it is read: it makes a file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __reduce__(self) -> Any:
        return (open, (str(self._path), "w"))


class World:
    """An engine whose operations do what the test wants."""

    def __init__(self, database: Path) -> None:
        self.database = database
        self.work: Callable[[int], Coroutine[Any, Any, None]] = _nothing
        self.ended: asyncio.Queue[Exception | None] = asyncio.Queue()
        self.engine = Engine(
            EngineSettings(f"sqlite:///{database}", "test", KEYRING, wake_interval=0.05, queue_interval=0.05)
        )

        async def begin(request: Request) -> None:
            await self.engine.step("request", lambda: _given(request))
            await self.engine.enqueue(request.kind, 1, request.environment)

        async def run(number: int) -> None:
            try:
                await self.work(number)
            except Exception as error:
                await self.ended.put(error)
                raise
            await self.ended.put(None)

        self.engine.register_begin(begin)
        self.engine.register("stored", run)

    def execute(self, statement: str, *values: Any) -> list[Any]:
        with closing(sqlite3.connect(self.database)) as connection, connection:
            return connection.execute(statement, values).fetchall()

    async def until(self, status: str) -> None:
        """Until operation 1 has this status of DBOS."""
        query = "SELECT status FROM workflow_status WHERE workflow_uuid = 'operation-1'"
        async with asyncio.timeout(30):
            while self.execute(query) != [(status,)]:  # noqa: ASYNC110  -- another process would poll as well
                await asyncio.sleep(0.05)


async def _nothing(_: int) -> None:
    """An operation without steps."""


async def _given(value: Any) -> Any:
    return value


async def _raised(error: Exception) -> None:
    raise error


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    DBOS.destroy(destroy_registry=True)  # the workflows of other tests in this process
    made = World(tmp_path / "engine.sqlite")
    await made.engine.launch()
    yield made
    DBOS.destroy(destroy_registry=True)


async def test_everything_that_is_stored_is_json_of_registered_classes(world: World) -> None:
    async def work(number: int) -> None:
        await world.engine.step("commit", lambda: _given((COMMIT, frozenset({number}))))
        with pytest.raises(NotFoundError):
            await world.engine.step("ref", lambda: _raised(NotFoundError("resolving main", "no such branch")))
        await world.engine.wake(number)
        await world.engine.wait(5.0)
        raise KeyError("unexpected")

    world.work = work
    await world.engine.begin(REQUEST)
    assert isinstance(await asyncio.wait_for(world.ended.get(), 30), KeyError)
    read = []
    for table, columns in COLUMNS.items():
        for column in columns:
            rows = world.execute(f"SELECT {column} FROM {table} WHERE {column} IS NOT NULL")  # noqa: S608
            read += [unpack_sealed(KEYRING, text) for (text,) in rows]
    for table in ("workflow_status", "operation_outputs", "notifications"):
        names = world.execute(f"SELECT DISTINCT serialization FROM {table}")  # noqa: S608
        assert {name for (name,) in names} <= {"signalbox", "portable_json", None}
    assert StepResult("operation-1", "commit", (COMMIT, frozenset({1}))) in read
    inputs = [value["args"] for value in read if isinstance(value, dict)]
    [accepted] = [given[0] for given in inputs if given and isinstance(given[0], Request)]
    assert replace(accepted, at=0.0) == REQUEST
    assert accepted.at > 0, "the engine stores when it accepted the request"
    assert any(isinstance(value, NotFoundError) for value in read)


async def test_a_step_whose_result_cannot_be_stored_fails(world: World) -> None:
    async def work(_: int) -> None:
        await world.engine.step("unregistered", lambda: _given(Unregistered("a")))

    world.work = work
    await world.engine.begin(REQUEST)
    error = await asyncio.wait_for(world.ended.get(), 30)
    assert isinstance(error, NotStorableError)
    assert f"{__name__}.Unregistered cannot be stored" in str(error)


@pytest.mark.parametrize("serialization", ["py_pickle", "signalbox"])
async def test_a_planted_pickle_is_not_read(world: World, tmp_path: Path, serialization: str) -> None:
    async def work(_: int) -> None:
        await world.engine.step("commit", lambda: _given(COMMIT))

    world.work = work
    await world.engine.begin(REQUEST)
    assert await asyncio.wait_for(world.ended.get(), 30) is None
    assert await world.engine.result(1, "commit", Commit) == COMMIT
    planted = tmp_path / "planted"
    await world.until("SUCCESS")
    text = b64encode(pickle.dumps(Planted(planted))).decode()
    world.execute("UPDATE operation_outputs SET output = ?, serialization = ?", text, serialization)
    world.execute("UPDATE workflow_input SET inputs = ?", text)
    world.execute("UPDATE workflow_status SET status = 'PENDING', serialization = ?", serialization)
    assert await world.engine.result(1, "commit", Commit) is None
    DBOS.destroy(destroy_registry=True)
    resumed = World(world.database)
    await resumed.engine.launch()
    await resumed.until("ERROR")
    assert not planted.exists()
