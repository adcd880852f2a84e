"""One operation with a message in Slack's stand-in: what people and outages do to it."""

from __future__ import annotations

import time
from contextlib import asynccontextmanager
from datetime import timedelta, timezone
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

from bot.config import read
from bot.operations.posting import current as posting_current, deliver, post_announcement
from bot.redaction import Redactor
from bot.slack import errors
from bot.slack.blocks import common, kit
from bot.slack.blocks.common import Head
from bot.slack.client import Chat
from bot.slack.errors import Verdict
from bot.slack.manifest import read as read_manifest
from bot.slack.web_api import make_client
from bot.store.annotations import Annotations
from bot.store.approvals import Approvals
from bot.store.operations import Operations, Request
from bot.store.outbox import Outbox
from bot.store.preferences import Preferences
from sandbox.slack import SlackSettings, SlackStandIn, people_seed as seed
from tests.migrated import migrated
from tests.unit.bot.conftest import Clock
from tests.unit.bot.operations.lifecycle_world import FILE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from datetime import tzinfo
    from pathlib import Path

    from bot.services import Services
    from sandbox.slack import Message

TOKEN = "xoxb-planted-bot-token"
HOME, OPS = "C0STAGING", "C0OPS"
HEAD = Head(1, "Plan for staging", "staging", "U0ANA")
CODES = [code for verdict, codes in errors._CODES.items() if verdict is not Verdict.PASSES for code in codes.split()]


class People:
    """Who is in which group, as Slack's stand-in has it; `offsets` are time zones."""

    def __init__(self) -> None:
        self.offsets: dict[str, int] = {}

    async def members(self, group: str) -> frozenset[str]:
        return next(frozenset(people) for name, _, _, people in seed.USERGROUPS if name == group)

    async def name(self, user: str) -> str:
        return user.removeprefix("U0").lower()

    async def zone(self, user: str) -> tzinfo:
        return timezone(timedelta(seconds=self.offsets.get(user, 0)))


class Killed(BaseException):
    """The bot's process ends here."""


class World:
    """Slack's stand-in and a database with one operation that has a message."""

    def __init__(self, slack: SlackStandIn, services: Services, clock: Clock) -> None:
        self.slack = slack
        self.clock = clock  # of the outbox
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

    async def second_operation(self) -> int:
        """Another operation, which has no message yet; its number."""
        request = Request("second", "plan", "staging", "U0ANA", "Plan for staging", HOME, {})
        return await self.services.operations.create(request)

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
    store, clock = await migrated(f"sqlite:///{directory}/{time.monotonic_ns()}.sqlite"), Clock()
    made = SimpleNamespace(
        config=read(FILE, "signalbox.yaml"),
        operations=Operations(store, time.time),
        annotations=Annotations(store, time.time),
        approvals=Approvals(store, time.time),
        outbox=Outbox(store, clock),
        preferences=Preferences(store, clock),
        clock=clock,
        directory=People(),
        redact=Redactor(),
    )
    world = World(slack, cast("Services", made), clock)
    world.start_again()
    await made.operations.create(Request("key", "plan", "staging", "U0ANA", "Plan for staging", HOME, {}))
    await post_announcement(world.services, await made.operations.get(1), says("starting"))
    try:
        yield world
    finally:
        store.close()
        await slack.stop()


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
