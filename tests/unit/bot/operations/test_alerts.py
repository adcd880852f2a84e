"""Alerts of the bot about itself: once, with an all-clear, outside of Slack too, and by one of several processes."""

from __future__ import annotations

import logging
import shutil
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from hypothesis import given, settings as examples, strategies as st

from bot.operations import probes
from bot.operations.alert_webhook import sender
from bot.operations.alerts import INTERVAL, Alerts, Probe
from bot.process.health import Health
from bot.redaction import Redactor
from bot.slack.web_api import ChatError
from bot.store.cursors import Cursors
from runners.errors import AccessDeniedError, UnavailableError
from tests.migrated import migrated

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from bot.services import Services
    from bot.slack.blocks.kit import Message
    from bot.store.database import Store

SECRET = "hunter2-and-more"


class World:
    """A process whose source fails in the words of `words`."""

    def __init__(self, cursors: Any = None, **probe: Any) -> None:
        self.now, self.words = 1_000.0, ""
        self.posted: list[str] = []
        self.refuses: str = ""
        self.health = Health()
        services = SimpleNamespace(
            clock=lambda: self.now,
            redact=Redactor([SECRET]),
            chat=self,
            config=SimpleNamespace(slack=SimpleNamespace(channel="#ops")),
        )
        made = Probe(
            "github", "GitHub answers again", self.check, "Check the credentials.", **{"lasts": 120.0, **probe}
        )
        self.alerts = Alerts(cast("Services", services), self.health, cursors, "host-a (serve)", [made])

    async def check(self) -> str:
        return self.words

    async def channel_id(self, name: str) -> str:
        return name

    async def post(self, channel: str, message: Message) -> None:
        if self.refuses:
            raise ChatError("chat.postMessage", self.refuses)
        self.posted.append(f"{channel} {message.blocks[0]['text']['text']}")

    async def passes(self, seconds: float) -> None:
        for _ in range(int(seconds // INTERVAL)):
            self.now += INTERVAL
            await self.alerts.round()


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    made = await migrated(f"sqlite:///{tmp_path}/signalbox.sqlite")
    yield made
    made.close()


async def test_what_lasts_is_reported_once_with_an_all_clear(caplog: pytest.LogCaptureFixture) -> None:
    world = World()
    world.words = f"GitHub refuses the credentials of {SECRET}"
    await world.passes(100)
    assert world.posted == []
    assert world.health.warnings() == ("GitHub refuses the credentials of [redacted]",)
    await world.passes(600)
    (text,) = world.posted
    assert text.startswith(
        "#ops :rotating_light: *Signalbox cannot do its work: GitHub refuses the credentials of [redacted]*"
    )
    assert "Check the credentials." in text
    assert SECRET not in text
    (line,) = [each for each in caplog.records if each.levelno == logging.ERROR]
    assert "cannot do its work: GitHub refuses" in line.getMessage()
    world.words = ""
    await world.passes(60)
    assert "GitHub answers again, after 11 min" in world.posted[1]
    assert (len(world.posted), world.health.warnings()) == (2, ())


async def test_what_passes_by_itself_is_not_reported() -> None:
    world = World()
    world.words = "it does not answer"
    await world.passes(100)
    world.words = ""
    await world.passes(600)
    assert world.posted == []


async def test_each_outage_is_reported() -> None:
    world = World(lasts=0.0)
    for _ in range(3):
        world.words = "away"
        await world.passes(100)
        world.words = ""
        await world.passes(100)
    assert len(world.posted) == 6


@examples(max_examples=40)
@given(st.lists(st.booleans(), min_size=1, max_size=40))
async def test_an_all_clear_follows_each_alert_and_nothing_else(fails: list[bool]) -> None:
    world = World(lasts=60.0)
    for failing in fails:
        world.words = "away" if failing else ""
        await world.passes(INTERVAL)
    icons = [text.split()[1] for text in world.posted]
    assert icons == [":white_check_mark:" if at % 2 else ":rotating_light:" for at in range(len(icons))]
    assert (len(icons) % 2 == 1) <= fails[-1]


async def test_a_probe_that_hangs_or_breaks_stops_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(lasts=0.0)

    async def broken() -> str:
        raise ZeroDivisionError

    world.alerts.probes = [Probe("broken", "x", broken, ""), *world.alerts.probes]
    world.words = "away"
    await world.passes(40)
    assert len(world.posted) == 1


async def test_of_two_processes_one_reports(store: Store) -> None:
    shared = Cursors(store, lambda: 1_000.0)
    worlds = [World(shared, shared=True), World(shared, shared=True)]
    for world in worlds:
        world.words = "away"
    for _ in range(10):
        for world in worlds:
            await world.passes(INTERVAL)
    for world in worlds:
        world.words = ""
        await world.passes(INTERVAL)
    texts = [text for world in worlds for text in world.posted]
    assert [":rotating_light:" in text for text in texts].count(True) == 1
    assert len(texts) == 2


async def test_where_slack_is_down_the_webhook_hears_of_it_once_it_answers(caplog: pytest.LogCaptureFixture) -> None:
    received: list[dict[str, str]] = []
    status = [500]

    async def hook(request: web.Request) -> web.Response:
        received.append(await request.json())
        return web.Response(status=status[0])

    application = web.Application()
    application.router.add_post("/hook/planted-token", hook)
    async with TestServer(application) as server:
        world = World(lasts=0.0)
        world.alerts.send = sender(str(server.make_url("/hook/planted-token")), "host-a (serve)")
        world.words, world.refuses = "it refuses the token (token_expired)", "token_expired"
        await world.passes(INTERVAL)
        status[0] = 204
        await world.passes(60)
        world.words = world.refuses = ""
        await world.passes(60)
    statuses = [each["status"] for each in received]
    assert statuses == ["firing", "firing", "resolved"]
    assert received[1]["problem"] == "it refuses the token (token_expired)"
    assert received[1]["text"].endswith("Check the credentials.")
    assert "it answered 500; it is tried again" in caplog.text
    assert "planted-token" not in caplog.text


class Refusing:
    """Slack, GitHub and a database that fail as given."""

    def __init__(self, error: Exception | None) -> None:
        self.error = error

    async def _do(self, *_: object, **__: object) -> None:
        if self.error:
            raise self.error

    query = get = backlog = _do


@pytest.mark.parametrize(
    ("source", "error", "words"),
    [
        ("slack", None, ""),
        ("slack", ChatError("auth.test", "token_expired"), "Slack refuses the bot (token_expired)"),
        ("slack", ChatError("auth.test", "ratelimited"), "Slack does not answer (ratelimited)"),
        ("github", None, ""),
        ("github", AccessDeniedError("asking", "Bad credentials"), "GitHub refuses the credentials: Bad credentials"),
        (
            "github",
            UnavailableError("asking", "GitHub cannot be reached"),
            "GitHub does not answer: GitHub cannot be reached",
        ),
        ("database-away", None, ""),
        ("database-away", TimeoutError(), "the database does not answer (no answer in time)"),
    ],
)
async def test_what_each_probe_finds(source: str, error: Exception | None, words: str) -> None:
    fake = Refusing(error)
    config = SimpleNamespace(github=SimpleNamespace(repository="o/r"))
    services = cast("Services", SimpleNamespace(chat=fake, github=fake, outbox=fake, config=config))
    made = {each.source: each for each in probes.probes_of(services, Health(), github=True)}
    assert await made[source].check() == words


async def test_a_disk_that_fills_is_reported_before_nothing_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = SimpleNamespace(free=300 * 1024 * 1024)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    health = Health([tmp_path])
    disk = next(
        each for each in probes.probes_of(cast("Services", None), health, github=False) if "disk" in each.source
    )
    assert "little room on the disk" in await disk.check()
    assert health.problems() == ()
    usage.free = 600 * 1024 * 1024
    assert await disk.check() == ""
