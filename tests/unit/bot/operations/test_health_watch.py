"""What happens to the database, the disk and the clock of a running bot: noticed, said once, and survived."""

from __future__ import annotations

import asyncio
import logging
import time
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest
import sqlalchemy as sa

from bot.engine.engine import Engine, EngineSettings
from bot.errors import ConfigError, DatabaseAwayError
from bot.operations.health_watch import HealthWatch, Watched
from bot.process.clock import Clock
from bot.process.health import Health
from bot.store import database, identity
from bot.store.approvals import ApprovalRequest, Approvals, Outcome
from bot.store.operations import Operations, Request
from tests.migrated import migrated

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from bot.services import Services
    from bot.slack.blocks.kit import Message
    from bot.store.database import Store

REQUEST = Request("key", "deploy", "dev", "U0ANA", "Deploy dev", "C0OPS", {})


class Chat:
    """Slack, which takes everything."""

    def __init__(self) -> None:
        self.posted: list[str] = []
        self.queried: list[str] = []

    async def channel_id(self, name: str) -> str:
        return name

    async def post(self, _: str, message: Message) -> None:
        self.posted.append(str(message))

    async def query(self, method: str) -> None:
        self.queried.append(method)


class World:
    """A bot as far as the watch sees it."""

    def __init__(self, store: Store, directory: Path) -> None:
        self.store, self.chat, self.health = store, Chat(), Health([directory], room=1)
        self.ahead = 0.0
        self.clock = Clock(lambda: time.time() + self.ahead)
        self.operations = Operations(store, self.clock)
        config = SimpleNamespace(slack=SimpleNamespace(channel="#ops"))
        services = SimpleNamespace(config=config, chat=self.chat, operations=self.operations)
        watched = Watched(store, identity.claim(store, directory))
        self.watch = HealthWatch(cast("Services", services), self.health, self.clock, watched)


@pytest.fixture
async def world(url: str, tmp_path: Path) -> AsyncIterator[World]:
    store = await migrated(url)
    yield World(store, tmp_path)
    store.close()


async def test_a_whole_database_is_no_news(world: World) -> None:
    await world.watch.check()
    assert (world.health.problems(), world.chat.posted) == ((), [])


async def test_a_lost_database_is_said_once_and_nothing_is_done_until_it_is_back(world: World) -> None:
    await world.operations.create(REQUEST)
    file = world.store.file
    if file:
        aside = file.rename(file.with_suffix(".aside"))
    else:
        await world.store.run(lambda c: c.execute(sa.update(identity.identities).values(identity="another")))
    mine = world.watch._watched._identity
    await world.watch.check()
    await world.watch.check()
    words = "its file was deleted" if file else "another database is in its place"
    assert world.health.problems() == (f"the database {world.store.location}: {words}",)
    (posted,) = world.chat.posted
    assert f"Signalbox has lost its database: {words}" in posted
    with pytest.raises(DatabaseAwayError, match=f"{words}. Signalbox reads and writes nothing"):
        await world.operations.create(REQUEST)
    if file:
        aside.rename(file)
    else:
        with world.store.engine.begin() as connection:
            connection.execute(sa.update(identity.identities).values(identity=mine))
    await world.watch.check()
    assert world.health.problems() == ()
    assert len(await world.operations.open_numbers()) == 1


async def test_the_pages_of_a_large_file_are_checked_beside_the_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = await migrated(f"sqlite:///{tmp_path}/signalbox.sqlite")
    world = World(store, tmp_path)
    with store.engine.begin() as connection:
        table = "SELECT rootpage FROM sqlite_master WHERE name = 'signalbox_audit'"
        page = int(connection.exec_driver_sql(table).scalar_one())
    store.engine.dispose()
    assert store.file
    with store.file.open("r+b") as file:
        file.seek((page - 1) * 4_096)
        file.write(b"\xff" * 4_096)
    with pytest.raises(ConfigError, match="is damaged"):
        identity.check(store, tmp_path, starts=True)
    monkeypatch.setattr(identity, "CHECKED_FIRST", 0)
    identity.check(store, tmp_path, starts=True)
    await world.watch.start()
    assert world.watch._examining
    await world.watch._examining
    assert "its file is damaged" in world.chat.posted[0]
    await world.watch.check()
    [problem] = world.health.problems()
    assert problem.startswith(f"the database {store.location}: its file is damaged (")
    with pytest.raises(DatabaseAwayError, match="is damaged"):
        await world.operations.open_numbers()
    await world.watch.close()
    store.close()


async def test_an_outage_is_not_taken_for_another_database(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: object) -> str:
        raise sa.exc.OperationalError("SELECT 1", {}, Exception("away"))

    monkeypatch.setattr(identity, "difference", away)
    await world.watch.check()
    assert (world.health.problems(), world.chat.posted) == ((), [])


async def test_a_jump_of_the_clock_is_logged_and_expires_no_approval(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    approvals = Approvals(world.store, world.clock)
    request = ApprovalRequest(1, "dev", "b" * 64, "U0ANA", "C1", "1.0", 1, expires_after=3_600.0)
    approval = await approvals.create(request)
    world.ahead = 7_200.0
    await world.watch.check()
    assert any("was set by +7200 s" in line.message for line in caplog.records)
    assert (await approvals.get(approval.id)).outcome is Outcome.PENDING


async def test_after_a_restart_under_a_wrong_clock_the_database_or_slack_says_what_time_it_is(
    world: World, tmp_path: Path
) -> None:
    approvals = Approvals(world.store, world.clock)
    request = ApprovalRequest(1, "dev", "b" * 64, "U0ANA", "C1", "1.0", 1, expires_after=3_600.0)
    approval = await approvals.create(request)
    await world.operations.create(REQUEST)
    restarted = World(world.store, tmp_path)
    restarted.clock = restarted.watch._clock = Clock(lambda: time.time() + 7_200.0)
    answer = {"date": time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime())}

    async def query(method: str) -> None:
        restarted.chat.queried.append(method)
        restarted.clock.hear_slack(answer, restarted.clock.elapsed())

    cast("Any", restarted.chat).query = query
    restarted.clock.follows_slack = world.store.file is not None
    await restarted.watch.start()
    await restarted.watch.close()
    assert restarted.chat.queried == ["auth.test"]
    assert abs(restarted.clock() - time.time()) < 60
    assert (await Approvals(world.store, restarted.clock).get(approval.id)).outcome is Outcome.PENDING
    restarted.watch._check_clock()
    assert "s ahead of Slack's; Slack's requests are refused until it is right" in "".join(restarted.health.problems())


async def test_without_room_no_operation_begins_and_that_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = await migrated(f"sqlite:///{tmp_path}/signalbox.sqlite")
    engine = Engine(EngineSettings(store.url, "test", store.keyring, check_room=store.require_room))
    begun = asyncio.Event()

    async def begin(_: Request) -> None:
        begun.set()

    engine.register_begin(begin)
    monkeypatch.setattr(database, "LEAST_ROOM", 1 << 60)
    try:
        await engine.launch()
        with pytest.raises(DatabaseAwayError, match=r"no room, .* kB are free on its disk"):
            await engine.begin(REQUEST)
        assert not begun.is_set()
        monkeypatch.setattr(database, "LEAST_ROOM", 0)
        await engine.begin(REQUEST)
        await begun.wait()
    finally:
        engine.destroy()
        store.close()
