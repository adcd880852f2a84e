"""A Bolt app works against the stand-in, over HTTP and over Socket Mode alike."""

from __future__ import annotations

import asyncio
import dataclasses
from typing import TYPE_CHECKING

import pytest

from sandbox.slack import SlackSettings, SlackStandIn
from tests.unit.sandbox.slack.bolt_app import BoltApp
from tests.unit.sandbox.slack.conftest import APP_TOKEN, BOT_TOKEN, MANIFEST, SECRET

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sandbox.slack import Message


@dataclasses.dataclass(frozen=True)
class Pair:
    slack: SlackStandIn
    app: BoltApp


@pytest.fixture(params=["http", "socket"])
async def pair(request: pytest.FixtureRequest) -> AsyncIterator[Pair]:
    slack = SlackStandIn(SlackSettings(BOT_TOKEN, SECRET, APP_TOKEN, None, rate_limits=False))
    slack.register_commands(MANIFEST)
    await slack.start()
    app = BoltApp(slack, BOT_TOKEN, SECRET)
    if request.param == "http":
        slack.deliver_to(await app.listen())
    else:
        await app.connect(APP_TOKEN)
    yield Pair(slack, app)
    await app.stop()
    await slack.stop()


def asks(message: Message) -> bool:
    return message.buttons == ["Approve"]


async def test_a_command_is_acknowledged_and_its_button_changes_the_message(pair: Pair) -> None:
    reply = await pair.slack.person("ana").type("#staging", "/deploy staging")
    assert (reply.ok, reply.text) == (True, "on it")
    channel = pair.slack.workspace.channel("#staging")
    message = await channel.wait_for(asks, 60)
    assert message.rendered == "Apply *3 changes*?\n[Approve]"
    assert (await pair.slack.person("lee").click(message, "Approve")).ok
    await channel.wait_for(lambda item: item.rendered == "Approved by @lee", 60)
    assert message.buttons == []
    assert pair.app.heard == ["/deploy staging", "approve 12 by U0LEE"]
    assert not pair.slack.refused


async def test_a_modal_is_submitted_with_errors_first(pair: Pair) -> None:
    ana = pair.slack.person("ana")
    assert (await ana.type("#ops", "/deploy")).ok
    view = await ana.wait_for_view(5)
    empty = await ana.submit(view)
    assert empty.errors == dict.fromkeys(("environment", "ref"), "Please complete this required field.")
    short = await ana.submit(view, {"Environment": "Prod", "Ref": "x"})
    assert short.errors == {"ref": "Please enter at least 2 characters."}
    assert (await ana.submit(view, {"ref": "../.."})).errors == {"ref": "No such ref."}
    assert view.open
    done = await ana.submit(view, {"ref": "main"})
    assert (done.errors, done.closed, ana.view) == ({}, True, None)
    assert pair.app.heard == ["/deploy", "submit prod main by U0ANA"]
    assert not (await ana.submit(view)).errors
    assert len(pair.app.heard) == 2


async def test_a_modal_that_is_put_away_is_heard_of(pair: Pair) -> None:
    ana = pair.slack.person("ana")
    await ana.type("#ops", "/deploy")
    await ana.close(await ana.wait_for_view(5))
    assert pair.app.heard == ["/deploy", "closed by U0ANA"]
    assert ana.view is None


async def test_the_home_tab_is_published_when_it_is_opened(pair: Pair) -> None:
    view = await pair.slack.person("gus").open_home()
    assert view.rendered == "Operations"


async def test_messages_are_heard(pair: Pair) -> None:
    await pair.slack.person("ana").type("#ops", "all quiet?")
    async with asyncio.timeout(60):
        while not pair.app.heard:  # noqa: ASYNC110 - Bolt offers no event
            await asyncio.sleep(0.01)
    assert pair.app.heard == ["message all quiet?"]


async def test_a_burst_of_commands_is_taken_whole(pair: Pair) -> None:
    ana = pair.slack.person("ana")
    replies = await asyncio.gather(*(ana.type("#ops", f"/deploy {number}") for number in range(40)))
    assert all(reply.ok for reply in replies)
    assert sorted(pair.app.heard) == sorted(f"/deploy {number}" for number in range(40))
