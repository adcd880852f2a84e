"""A world of operations: the real engine over SQLite, a Slack that records, and workflows that tests bring along."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, tzinfo
from typing import TYPE_CHECKING, Any

from bot.access.policy import Person
from bot.slack.blocks import common
from bot.slack.client import Posted
from bot.slack.web_api import ChatError
from bot.store.operations import Record, Request, Status
from tests.unit.bot.drawn import read as read_message

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from bot.operations.operation import Operation
    from bot.services import Services
    from bot.slack.blocks.kit import Message

    Workflow = Callable[[Operation], Coroutine[Any, Any, None]]
    About = Callable[[Services, Request], Coroutine[Any, Any, dict[str, str]]]

FILE = """
slack: {channel: "#ops"}
github: {repository: o/r}
aws: {region: us-west-2}
access: {operators: [U0ANA], approvers: [U0LEE, U0MAX]}
environments:
  dev: {deploy: {github_actions: {workflow: d.yml}}}
  staging: {deploy: {github_actions: {workflow: d.yml}}, approval: {required: 2, expires_after: 1s}}
"""
SECRET = "hunter2-and-more"
ATTEMPTS = 3000  # checks, 0.02 s apart: only ends a test that hangs


class Directory:
    """Who is in which group; `lapsed` are no longer in the group of the approvers."""

    def __init__(self) -> None:
        self.lapsed: set[str] = set()
        self.unreadable: dict[str, str] = {}

    async def person(self, user_id: str) -> Person:
        member = user_id not in self.lapsed and not self.unreadable
        return Person(user_id, frozenset({"S0LEADS"} if member else ()), self.unreadable)

    async def name(self, user_id: str) -> str:
        return user_id.removeprefix("U0").lower()

    async def members(self, _: str) -> frozenset[str]:
        return frozenset()

    async def zone(self, _: str) -> tzinfo:
        return UTC

    def forget(self) -> None:
        """Nothing is kept."""


class Chat:
    """Slack: what each message says now, after checking that Slack would take it."""

    def __init__(self) -> None:
        self.says: dict[str, str] = {}
        self.first: list[str] = []
        self.whispers: list[tuple[str, str]] = []
        self.refuses: set[str] = set()
        self.deleted: set[str] = set()
        self.away = False

    async def post(self, channel: str, message: Message, **_: Any) -> Posted:
        self._check_reached("chat.postMessage")
        if channel in self.refuses:
            raise ChatError("chat.postMessage", "not_in_channel")
        at = Posted(channel, f"{len(self.says) + len(self.deleted) + 1}.0")
        self.says[at.ts] = read_message(message)
        self.first.append(message.text)
        return at

    async def whisper(self, _: str, user: str, message: Message) -> None:
        self._check_reached("chat.postEphemeral")
        self.whispers.append((user, read_message(message)))

    async def update(self, at: Posted, message: Message, _lane: object = None) -> None:
        self._check_reached("chat.update")
        if at.ts in self.deleted:
            raise ChatError("chat.update", "message_not_found")
        self.says[at.ts] = read_message(message)

    def redacted(self, content: dict[str, Any]) -> dict[str, Any]:
        return content

    async def turn(self, _: object) -> None:
        """At once."""

    async def upload(self, _: Posted, **__: Any) -> None:
        raise ChatError("files.upload", "storage_limit_reached")

    async def permalink(self, at: Posted) -> str:
        if at.ts not in self.says:
            raise ChatError("chat.getPermalink", "message_not_found")
        return f"https://slack.test/{at.ts}"

    def _check_reached(self, method: str) -> None:
        if self.away:
            raise ChatError(method, "no_answer (TimeoutError)")

    def delete(self, ts: str) -> None:
        """Somebody deletes a message."""
        del self.says[ts]
        self.deleted.add(ts)

    async def find(self, *_: Any, **__: Any) -> None:
        return None

    async def channel_id(self, name: str) -> str:
        return name


class World:
    """The services, and workflows by the key of the test's request."""

    def __init__(self, services: Services, chat: Chat) -> None:
        self.services = services
        self.chat = chat
        self.workflows: dict[str, Workflow] = {}
        self.about: About | None = None  # of the kind of all requests
        self._keys = 0

    async def begin(self, workflow: Workflow, environment: str = "dev", **more: Any) -> Request:
        self._keys += 1
        key = f"key {self._keys}"
        self.workflows[key] = workflow
        request = Request(key, "test", environment, "U0ANA", f"Test {key}", "C0OPS", {"key": key})
        request = replace(request, **more)
        await self.services.engine.begin(request)
        return request

    async def workflow(self, operation: Operation) -> None:
        await self.workflows[operation.record.arguments["key"]](operation)

    async def until(self, request: Request, *statuses: Status) -> Record:
        """The request's record, as soon as it stands so."""
        for _ in range(ATTEMPTS):
            result = [item for item in await self._all() if item.arguments["key"] == request.key]
            if result and result[0].status in statuses:
                return result[0]
            await asyncio.sleep(0.02)
        raise AssertionError(f"{request.title} never was {statuses}: {result}")

    async def all_ended(self) -> bool:
        """Whether all that was begun is recorded and has ended."""
        records = await self._all()
        return len(records) == self._keys and all(record.ended_at is not None for record in records)

    def said_of(self, record: Record) -> str:
        return self.chat.says[record.message_ts or ""]

    async def until_said(self, record: Record, words: str) -> str:
        """What the operation's message says, as soon as `words` are in it: it is drawn after the status is stored."""
        for _ in range(ATTEMPTS):
            if words in self.said_of(record):
                break
            await asyncio.sleep(0.02)
        assert words in self.said_of(record)
        return self.said_of(record)

    async def _all(self) -> tuple[Record, ...]:
        return await self.services.operations._select()


async def succeed(operation: Operation) -> None:
    await operation.end(Status.SUCCEEDED, common.short_message(operation.head, "succeeded", "all done"))
