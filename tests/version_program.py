"""What a process of one version of the program does, for tests of two versions on one database.

It obeys the lines of a connection (begin N, wake, look) and answers each, until the other end is closed. Slack is a stand-in
of this process.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

from bot.config import read
from bot.config.targets import LANE
from bot.engine import versions
from bot.engine.engine import Engine, EngineSettings
from bot.engine.lease import HeldLease
from bot.engine.takeover import Takeover
from bot.errors import ConfigError
from bot.operations import lifecycle
from bot.operations.command_answers import CommandAnswers
from bot.operations.queue import QueueDisplay
from bot.operations.registry import Kind
from bot.operations.startup import watch_open
from bot.redaction import Redactor
from bot.seals import Keyring
from bot.slack.blocks import common
from bot.slack.client import Posted
from bot.store.annotations import Annotations
from bot.store.approvals import Approvals
from bot.store.artifacts import Artifacts
from bot.store.audit import Audit
from bot.store.closures import Closures
from bot.store.database import Store
from bot.store.migrations import migrate
from bot.store.operations import Operations, Request, Status
from bot.store.outbox import Outbox
from bot.store.preferences import Preferences
from bot.store.workers import Identity, Workers
from tests.kept import ONE_MACHINE, ROOM
from tests.unit.bot.drawn import read as read_message
from tests.unit.bot.operations.lifecycle_world import FILE, Chat, Directory

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    from bot.operations.operation import Operation
    from bot.services import Services
    from bot.slack.blocks.kit import Message


class NamedChat(Chat):
    """A Slack whose new messages no other process has posted."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self._name = name

    async def post(self, channel: str, message: Message, **_: Any) -> Posted:
        """Post it under a time of this process's own."""
        at = Posted(channel, f"{self._name}-{len(self.says)}")
        self.says[at.ts] = read_message(message)
        return at


async def first(operation: Operation) -> None:
    """The workflow of the first version: it plans, waits, and applies once."""
    await operation.step("plan", _nothing)
    await _wait_and_apply(operation)


async def patched(operation: Operation) -> None:
    """A later version checks a policy before it waits; what already waits goes on without."""
    await operation.step("plan", _nothing)
    if await operation.services.engine.patched("policy"):
        await operation.step("check policy", _nothing)
    await _wait_and_apply(operation)


async def without_patch(operation: Operation) -> None:
    """A later version has no step for the plan any more, and no patch for what has passed it."""
    await operation.step("new plan", _nothing)
    await _wait_and_apply(operation)


async def _wait_and_apply(operation: Operation) -> None:
    waiting = common.short_message(operation.head, "running", "waiting to be woken")
    await operation.show("show waiting", waiting, Status.RUNNING)
    await operation.services.engine.wait(3_600)
    await operation.once("apply", _nothing, _nothing)
    await operation.end(Status.SUCCEEDED, common.short_message(operation.head, "succeeded", "applied"))


async def _nothing() -> str:
    return ""


WORKFLOWS = {"first": first, "patched": patched, "without-patch": without_patch, "unknown": first}


class Program:
    """The services of one process, put together as bot/service.py does it."""

    def __init__(self, url: str, key: str, name: str, version: str) -> None:
        versions.APPLICATION_VERSION = version  # what the engine and the check at the start read
        self.store, self.chat = Store(url, Keyring.read(key)), NamedChat(name)
        self.identity = Identity(name, f"machine-{name}", f"host-{name}", version)

    async def start(self, stack: AsyncExitStack, workflow: str, workplace: Path) -> None:
        """Refuse or begin to work. Raises ConfigError."""
        store = self.store
        await migrate(store)
        workers = Workers(store, timedelta(minutes=2))
        await versions.refuse_if_newer(store, workers.all)
        held = await HeldLease.acquire(store, workers, self.identity)
        settings = EngineSettings(
            store.url, held.lease.incarnation, store.keyring, wake_interval=0.05, queue_interval=0.1
        )
        redact = Redactor([])
        services = cast(
            "Services",
            SimpleNamespace(
                config=read(FILE, "signalbox.yaml"), chat=self.chat, redact=redact, clock=time.time, workplace=workplace,
                engine=Engine(settings), lease=held, operations=Operations(store, time.time),
                approvals=Approvals(store, time.time), closures=Closures(store, time.time), directory=Directory(), audit=Audit(store, time.time, redact),
                annotations=Annotations(store, time.time), children=ONE_MACHINE, room=ROOM,
                artifacts=Artifacts(store.keyring, None, Annotations(store, time.time)),
                outbox=Outbox(store, time.time), preferences=Preferences(store, time.time), queue_display=QueueDisplay(), command_answers=CommandAnswers(),
            ),
        )  # fmt: skip
        self.services = services
        stack.callback(services.engine.destroy)  # last: it ends the threads that all others need
        stack.push_async_callback(held.release)
        kind = Kind("other" if workflow == "unknown" else "test", WORKFLOWS[workflow])

        async def begin(request: Request) -> None:
            await lifecycle.begin(services, request, kind if request.kind == kind.name else None)

        async def run(number: int) -> None:
            await lifecycle.run(services, number, kind)

        services.engine.register_begin(begin)
        services.engine.register(kind.name, run)
        await services.engine.launch()
        takeover = Takeover(held, services.engine.shared, lambda _: True)
        await takeover.start()
        stack.push_async_callback(takeover.close)
        stack.push_async_callback((await watch_open(services)).close)

    async def obey(self, line: str) -> dict[str, Any]:
        """The answer to one line."""
        services, (word, *rest) = self.services, line.split()
        if word == "begin":
            for number in range(int(rest[0])):
                environment = f"dev{LANE}{self.identity.executor} {number}"
                key = f"{self.identity.executor}-{number}"
                await services.engine.begin(Request(key, "test", environment, "U0ANA", f"Plan {key}", "C0OPS", {}))
        elif word == "wake":
            for waiting in await services.operations.open_keys():
                await services.engine.wake(waiting)
        records = await services.operations._select()
        steps = {}
        for each in records:
            listed = await services.audit.of_operation(each.number)
            steps[each.number] = [entry.detail.get("outcome", "") for entry in listed if entry.action == "ended"]
        return {
            "status": {each.number: each.status.value for each in records},
            "says": {each.number: self.chat.says.get(each.message_ts or "", "") for each in records},
            "ended": steps,
        }


async def work(connection: Connection, program: Program, workflow: str, workplace: Path) -> None:
    """Say "ready" or "refused"; then obey until the other end is closed."""
    async with AsyncExitStack() as stack:
        try:
            await program.start(stack, workflow, workplace)
        except ConfigError as error:
            connection.send({"refused": str(error)})
            return
        connection.send({"ready": program.identity.executor})
        while True:
            try:
                line = await asyncio.to_thread(connection.recv)
            except EOFError:
                break
            connection.send(await program.obey(line))
    program.store.close()


def run(connection: Connection, *arguments: str) -> None:
    """Be a process: the database's URL, a key, a name, the version of the workflows, which workflow it has, a directory."""
    url, key, name, version, workflow, workplace = arguments
    asyncio.run(work(connection, Program(url, key, name, version), workflow, Path(workplace)))
