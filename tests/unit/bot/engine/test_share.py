"""Which operations a process takes from the queue: on a real engine, which has to choose by what bot/engine adds to it."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from dbos import DBOS

from bot.config.targets import LANE
from bot.engine.engine import Engine, EngineSettings
from bot.engine.shared_work import Share
from bot.seals import Keyring
from bot.store.operations import Request
from tests.unit.bot.conftest import KEY

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection
    from pathlib import Path

    from bot.engine.spread import Spread

# Names that a careless pattern would take for "prod" or "us_east": each is an environment of its own.
WITHHELD = ("prod", "us_east")
OTHERS = ("prod-eu", "produce", "pro", "us-east", "usxeast", "prod/api", "prod/api/run 1", f"image builds{LANE}run 1")
QUEUES = (*WITHHELD, *(f"{name}{LANE}run 1" for name in WITHHELD), *OTHERS)
NUMBERED = tuple(enumerate(QUEUES, start=1))


@asynccontextmanager
async def process(
    database: Path, taken: asyncio.Queue[int], share: Share, spread: Spread | None = None
) -> AsyncIterator[Engine]:
    DBOS.destroy(destroy_registry=True)
    settings = EngineSettings(
        f"sqlite:///{database}", "a#1", Keyring.read(KEY), wake_interval=0.05, queue_interval=0.05, share=share
    )
    engine = Engine(settings)

    async def begin(request: Request) -> None:
        await engine.enqueue("stored", int(request.key), request.environment)

    engine.register_begin(begin)
    engine.register("stored", taken.put)
    engine.shared.spread = spread
    await engine.launch()
    try:
        yield engine
    finally:
        DBOS.destroy(destroy_registry=True)


async def get(taken: asyncio.Queue[int], count: int) -> set[int]:
    async with asyncio.timeout(60):
        return {await taken.get() for _ in range(count)}


@pytest.mark.parametrize("share", [Share(withheld=WITHHELD), Share(takes_operations=False)])
async def test_a_process_leaves_what_is_not_its_share_to_others(tmp_path: Path, share: Share) -> None:
    taken = asyncio.Queue[int]()
    own = [number for number, queue in NUMBERED if queue in OTHERS and share.takes_operations]
    async with process(tmp_path / "engine.sqlite", taken, share) as engine:
        for number, queue in NUMBERED:
            await engine.begin(Request(str(number), "stored", queue, "U0ANA", "Test", "C0OPS", {}))
        assert await get(taken, len(own)) == set(own)
        async with asyncio.timeout(60):
            while len(await DBOS.list_workflows_async(name="stored")) < len(QUEUES):  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        enqueued = await DBOS.list_workflows_async(name="stored", status="ENQUEUED")
        assert {each.workflow_id for each in enqueued} == {
            f"operation-{number}" for number, _ in NUMBERED if number not in own
        }
    async with process(tmp_path / "engine.sqlite", taken, Share()):
        assert await get(taken, len(QUEUES) - len(own)) == {number for number, _ in NUMBERED} - set(own)
    assert taken.empty(), "each was taken once"


class Deferring:
    """Leaves some operations to others, and notes what it is asked, and what was taken."""

    def __init__(self, *deferred: int) -> None:
        self.deferred_now = set(deferred)
        self.offered: list[set[int]] = []
        self.taken: list[int] = []

    def deferred(self, connection: sa.Connection, numbers: Collection[int]) -> Collection[int]:
        assert connection.scalar(sa.select(1)) == 1
        self.offered.append(set(numbers))
        return self.deferred_now & set(numbers)

    def took(self, numbers: Collection[int]) -> None:
        self.taken += numbers


async def test_what_is_left_stays_first_in_its_queue_until_it_is_taken(tmp_path: Path) -> None:
    taken, spread = asyncio.Queue[int](), Deferring(1)
    async with process(tmp_path / "engine.sqlite", taken, Share(withheld=("prod",)), spread) as engine:
        for number, queue in enumerate(["dev", "dev", "staging", "prod", "test"], start=1):
            await engine.begin(Request(str(number), "stored", queue, "U0ANA", "Test", "C0OPS", {}))
        assert await get(taken, 2) == {3, 5}
        async with asyncio.timeout(60):
            while spread.offered[-1] != {1}:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        assert taken.empty(), "2 is behind 1"
        spread.deferred_now.clear()
        engine.shared.work.send()
        async with asyncio.timeout(60):
            assert [await taken.get(), await taken.get()] == [1, 2]
    assert not any(4 in offered for offered in spread.offered), "it is withheld from this process"
    assert sorted(spread.taken) == [1, 2, 3, 5]
