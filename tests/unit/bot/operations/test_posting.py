"""Whatever Slack refuses, whenever the bot is killed: one message says how an operation stands, and it is the current one."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from bot.config import read
from bot.operations.posting import current as posting_current, deliver, deliver_once, post_announcement, post_in_thread
from bot.redaction import Redactor
from bot.slack import errors
from bot.slack.blocks import common, kit
from bot.slack.blocks.common import Head
from bot.slack.client import Chat
from bot.slack.errors import Verdict
from bot.slack.manifest import read as read_manifest
from bot.slack.retry import with_retries
from bot.slack.web_api import ChatError, make_client
from bot.store.annotations import Annotations
from bot.store.operations import Operations, Request
from sandbox.slack import ApiError, SlackSettings, SlackStandIn, people_seed as seed
from tests.migrated import migrated
from tests.unit.bot.operations.lifecycle_world import FILE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from bot.services import Services
    from sandbox.slack import ApiCall, Message

TOKEN = "xoxb-planted-bot-token"
HOME, OPS = "C0STAGING", "C0OPS"
HEAD = Head(1, "Plan for staging", "staging", "U0ANA")
CODES = [code for verdict, codes in errors._CODES.items() if verdict is not Verdict.PASSES for code in codes.split()]


class Killed(BaseException):
    """The bot's process ends here."""


class World:
    """Slack's stand-in and a database with one operation that has a message."""

    def __init__(self, slack: SlackStandIn, services: Services) -> None:
        self.slack = slack
        self.services = services
        self.calls = 0
        self.kill_at: int | None = None  # twice the number of the call, one more for after it

    async def api_call(self, method: str, **arguments: Any) -> Any:
        """Slack's client, which the bot's death may end before or after a call."""
        self.calls += 1
        if self.kill_at == 2 * self.calls:
            raise Killed
        answer = await self._api_call(method, **arguments)
        if self.kill_at == 2 * self.calls + 1:
            raise Killed
        return answer

    def start_again(self) -> None:
        """A new process, with the same database."""
        client = make_client(TOKEN, f"{self.slack.url}/api/")
        self._api_call = client.api_call
        cast("Any", client).api_call = self.api_call
        cast("Any", self.services).chat = Chat(client, Redactor())
        self.kill_at = None

    async def delivered(self, text: str) -> None:
        """Deliver in a process that may be killed, which is started again until it is done."""
        for _ in range(2):
            try:
                await deliver(self.services, 1, says(text))
            except Killed:
                self.start_again()

    async def current(self) -> Message | None:
        """The message that the database names, if Slack still has it."""
        at = await posting_current(self.services, 1)
        return self.slack.workspace.channels[at.channel].find(at.ts)

    def copies(self, text: str) -> list[Message]:
        channels = self.slack.workspace.channels.values()
        return [message for channel in channels for message in channel.messages if text in message.rendered]


def says(text: str) -> kit.Message:
    return common.short_message(HEAD, "running", text)


@asynccontextmanager
async def world_in(directory: Path) -> AsyncIterator[World]:
    slack = SlackStandIn(SlackSettings(TOKEN, "planted-signing-secret", None, None, rate_limits=False))
    slack.register_commands(read_manifest())
    await slack.start()
    store = await migrated(f"sqlite:///{directory}/{time.monotonic_ns()}.sqlite")
    made = SimpleNamespace(
        config=read(FILE, "signalbox.yaml"),
        operations=Operations(store, time.time),
        annotations=Annotations(store, time.time),
    )
    world = World(slack, cast("Services", made))
    world.start_again()
    await made.operations.create(Request("key", "plan", "staging", "U0ANA", "Plan for staging", HOME, {}))
    await post_announcement(world.services, await made.operations.get(1), says("starting"))
    try:
        yield world
    finally:
        store.close()
        await slack.stop()


@pytest.fixture
async def world(tmp_path: Path, quick: None) -> AsyncIterator[World]:
    async with world_in(tmp_path) as made:
        yield made


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """No pace and no pauses between tries."""
    monkeypatch.setattr("bot.slack.client.POST_INTERVAL", 0.0)
    monkeypatch.setattr("bot.slack.client.UPDATE_INTERVAL", 0.0)
    monkeypatch.setattr(with_retries, "__defaults__", ((0.0,) * 11,))


def lose(world: World, how: str) -> None:
    """What people and workspaces do to a message and its channel."""
    channel = world.slack.workspace.channels[HOME]
    match how:
        case "deleted":
            channel.remove(channel.messages[0])
        case "archived":
            channel.archived = True
        case "removed from a private channel":
            channel.private = True
            channel.members.discard(seed.BOT_USER_ID)
        case "removed from a public channel":
            channel.members.discard(seed.BOT_USER_ID)


LOSSES = ("deleted", "archived", "removed from a private channel", "removed from a public channel")
WHERE = {"archived": OPS, "removed from a private channel": OPS}


@pytest.mark.parametrize("how", LOSSES)
async def test_a_lost_message_is_posted_again_where_it_is_taken(world: World, how: str) -> None:
    lose(world, how)
    await world.delivered("applied: 2 added")
    message = await world.current()
    assert message
    assert message.channel == WHERE.get(how, HOME)
    assert "applied: 2 added" in message.rendered
    assert ("Posted " in message.rendered) is (how != "removed from a public channel")
    assert len(world.copies("applied: 2 added")) == 1


@pytest.mark.parametrize("code", ["channel_not_found", "missing_scope", "internal_error"])
async def test_a_deleted_message_is_posted_again_where_no_channel_is_listed(world: World, code: str) -> None:
    async def refuse(call: ApiCall) -> None:
        if call.method == "conversations.list" and call.phase == "before":
            raise ApiError(code)

    world.slack.on_call.append(refuse)
    world.slack.workspace.channels[OPS].archived = True
    lose(world, "deleted")
    await world.delivered("applied: 2 added")
    (message,) = world.copies("applied: 2 added")
    assert message.channel == HOME


async def test_later_states_change_the_new_message_which_still_says_why_it_is_there(world: World) -> None:
    lose(world, "archived")
    await world.delivered("applying")
    await world.delivered("applied: 2 added")
    (message,) = world.copies("applied: 2 added")
    assert message.channel == OPS
    assert "Posted here because #staging takes no message from Signalbox" in message.rendered
    assert not world.copies("applying")


async def test_a_message_that_is_lost_twice_is_posted_twice(world: World) -> None:
    for text in ("one", "two"):
        lose(world, "deleted")
        await world.delivered(f"state {text}")
    assert [message.rendered.count("state two") for message in world.copies("state")] == [1]


async def test_many_changes_at_once_post_it_again_once(world: World) -> None:
    lose(world, "deleted")
    await asyncio.gather(*(deliver(world.services, 1, says(f"state {number}")) for number in range(8)))
    assert len(world.copies("state")) == 1


async def test_progress_posts_a_deleted_message_again_and_leaves_other_faults_to_what_follows(world: World) -> None:
    lose(world, "deleted")
    await deliver_once(world.services, 1, says("half done"))
    assert len(world.copies("half done")) == 1

    async def broken(call: ApiCall) -> None:
        if call.method == "chat.update" and call.phase == "before":
            raise ApiError("internal_error")

    world.slack.on_call.append(broken)
    with pytest.raises(ChatError, match="internal_error"):
        await deliver_once(world.services, 1, says("most done"))


async def test_the_thread_is_that_of_the_new_message(world: World) -> None:
    lose(world, "archived")
    await world.delivered("applied")
    record = await world.services.operations.get(1)
    await post_in_thread(world.services, record, "log", says("the log"))
    (message,) = world.copies("applied")
    assert [reply.rendered for reply in world.slack.workspace.channels[OPS].replies(message.ts)] != []


@given(how=st.sampled_from(LOSSES), kill_at=st.integers(2, 17))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_kill_at_any_moment_neither_doubles_nor_loses_it(tmp_path: Path, quick: None, how: str, kill_at: int) -> None:
    async def go() -> None:
        async with world_in(tmp_path) as world:
            lose(world, how)
            world.calls, world.kill_at = 0, kill_at
            await world.delivered("applied: 2 added")
            message = await world.current()
            assert message
            assert "applied: 2 added" in message.rendered
            assert len(world.copies("applied: 2 added")) == 1

    asyncio.run(go())


@given(
    code=st.sampled_from([*CODES, "a_code_of_tomorrow"]),
    refused=st.sampled_from(["every update", "every post to its channel and update", "every block", "two calls"]),
)
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_slack_refuses_one_message_says_how_it_stands(
    tmp_path: Path, quick: None, code: str, refused: str
) -> None:
    async def go() -> None:
        async with world_in(tmp_path) as world:
            remaining = 2

            async def refuse(call: ApiCall) -> None:
                nonlocal remaining
                own = call.arguments.get("channel") == HOME
                if call.phase != "before" or not call.method.startswith("chat."):
                    return
                matches = {
                    "every update": call.method == "chat.update" and own,
                    "every post to its channel and update": own,
                    "every block": bool(call.arguments.get("blocks")),
                    "two calls": remaining > 0,
                }[refused]
                if matches:
                    remaining -= 1
                    raise ApiError(code)

            world.slack.on_call.append(refuse)
            await world.delivered("applied: 2 added")
            message = await world.current()
            blocks_matter = errors.verdict(code) in (Verdict.CONTENT, Verdict.UNKNOWN)
            if refused == "every block" and not blocks_matter:
                return  # Slack would say something else about blocks
            assert message
            assert "applied: 2 added" in f"{message.rendered} {message.text}"

    asyncio.run(go())


@pytest.mark.parametrize("code", ["invalid_auth", "internal_error", "ekm_access_denied"])
async def test_how_it_ended_is_displayed_after_any_outage(
    world: World, monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    monkeypatch.setattr("bot.operations.posting.LONG_WAIT", 0.0)
    remaining = 60

    async def refuse(_: ApiCall) -> None:
        nonlocal remaining
        if remaining:
            remaining -= 1
            raise ApiError(code)

    world.slack.on_call.append(refuse)
    await deliver(world.services, 1, says("applied: 2 added"), until_displayed=True)
    assert len(world.copies("applied: 2 added")) == 1
    remaining = 60
    await deliver(world.services, 1, says("progress"))
    assert not world.copies("progress")
