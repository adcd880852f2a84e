"""A world for random sequences: the real engine, store and authority, people who press, and an outside that counts effects.

Nothing in it knows what is right: `Outside` notes what was done and when, `Presses` what people decided.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

from bot.access.policy import Person
from bot.config import read
from bot.engine.engine import Engine, EngineSettings
from bot.errors import UserError
from bot.operations import lifecycle
from bot.operations.command_answers import CommandAnswers
from bot.operations.delivery import Delivery
from bot.operations.queue import QueueDisplay
from bot.operations.registry import Kind
from bot.redaction import Redactor
from bot.slack.blocks import common
from bot.store.annotations import Annotations
from bot.store.approvals import Approvals, Outcome
from bot.store.artifacts import Artifacts
from bot.store.audit import Audit
from bot.store.closures import Closure, ClosureKind, Closures
from bot.store.operations import Operations, Request, Status
from bot.store.outbox import Outbox
from bot.store.passes import Passes
from bot.store.preferences import Preferences
from bot.store.refused_attempts import RefusedAttempts
from handlers.operation import approve
from tests.kept import ONE_MACHINE, ROOM
from tests.migrated import migrated
from tests.unit.bot.operations.lifecycle_world import Chat, Directory as Members

if TYPE_CHECKING:
    from pathlib import Path

    from bot.operations.operation import Operation
    from bot.services import Services
    from bot.store.database import Store
    from bot.store.operations import Record

FILE = """
slack: {channel: "#ops"}
github: {repository: o/r}
aws: {region: us-west-2}
access: {operators: [U0ANA, U0LEE], approvers: ["usergroup:S0LEADS"]}
environments:
  dev: {deploy: {github_actions: {workflow: d.yml}}, approval: {required: 1, expires_after: 1h}}
  staging: {deploy: {github_actions: {workflow: d.yml}}, approval: {required: 2, expires_after: 1h}}
"""
REQUIRED = {"dev": 1, "staging": 2}
APPROVERS = ("U0LEE", "U0MAX", "U0IDA")
REQUESTERS = ("U0ANA", "U0LEE")
BINDING = "b" * 64
QUIET = 0.12  # seconds without a change after which nothing is under way


class Directory(Members):
    """Who is in the group of the approvers; `lapsed` were."""

    async def person(self, user_id: str) -> Person:
        return Person(user_id, frozenset({"S0LEADS"} if user_id in APPROVERS and user_id not in self.lapsed else ()))


@dataclass(frozen=True)
class Effect:
    """What an operation did, and how it stood then: who was no approver any more, and whether it was frozen."""

    number: int
    what: str
    lapsed: frozenset[str]
    frozen: bool


@dataclass
class Outside:
    """What was done outside, in order, and what acts now."""

    world: World
    effects: list[Effect] = field(default_factory=list)
    acting: dict[str, int] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)

    async def act(self, operation: Operation, what: str) -> None:
        environment = operation.record.environment
        if environment in self.acting:
            self.faults.append(f"#{operation.number} acts beside #{self.acting[environment]}")
        self.acting[environment] = operation.number
        await asyncio.sleep(0.01)
        self.acting.pop(environment, None)
        frozen = environment in self.world.frozen
        self.effects.append(Effect(operation.number, what, frozenset(self.world.directory.lapsed), frozen))


class World:
    """The bot, which can be started again, with its database, its Slack and the outside, which stay."""

    def __init__(self, store: Store, directory: Path) -> None:
        self.store, self.workplace = store, directory
        self.later = 0.0  # seconds by which the clock was moved
        self.chat, self.directory, self.outside = Chat(), Directory(), Outside(self)
        self.frozen = set[str]()
        self.requests = 0
        self.services: Services = self._services()

    def clock(self) -> float:
        return time.time() + self.later

    def _services(self) -> Services:
        store, clock, redact = self.store, self.clock, Redactor()
        engine = Engine(
            EngineSettings(store.url, "test", store.keyring, clock, wake_interval=0.05, queue_interval=0.05)
        )
        audit, annotations = Audit(store, clock, redact, store.keyring), Annotations(store, clock)
        made = SimpleNamespace(
            config=read(FILE, "signalbox.yaml"), chat=self.chat, redact=redact, clock=clock, workplace=self.workplace,
            engine=engine, operations=Operations(store, clock), approvals=Approvals(store, clock),
            closures=Closures(store, clock), passes=Passes(store, clock), directory=self.directory, audit=audit,
            refused_attempts=RefusedAttempts(audit, clock), annotations=annotations, children=ONE_MACHINE, room=ROOM,
            artifacts=Artifacts(store.keyring, None, annotations), outbox=Outbox(store, clock),
            preferences=Preferences(store, clock), queue_display=QueueDisplay(), command_answers=CommandAnswers(),
        )  # fmt: skip
        return cast("Services", made)

    async def start(self) -> None:
        """Start working, or go on."""
        services, kind = self.services, Kind("deploy", self.work)
        services.engine.register_begin(lambda request: lifecycle.begin(services, request, kind))
        services.engine.register("deploy", lambda number: lifecycle.run(services, number, kind))
        await services.engine.launch()

    async def restart(self) -> None:
        """Stop wherever everything is, and start again."""
        await self.stop()
        self.outside.acting.clear()
        self.services = self._services()
        await self.start()

    async def stop(self) -> None:
        """Stop wherever everything is."""
        self.services.engine.destroy()
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def work(self, operation: Operation) -> None:
        """Read, ask, and change something outside, once."""
        await operation.step("read", lambda: self.outside.act(operation, "reads"))
        required = REQUIRED[operation.record.environment]
        approval = await operation.approved(
            BINDING, required, lambda view: common.short_message(operation.head, "approval", view.outcome)
        )
        if approval.outcome != Outcome.APPROVED:
            ended = Status(approval.outcome)
            await operation.end(ended, common.short_message(operation.head, ended.value, f"ended: {ended.value}"))
            return
        await operation.once("change", do=lambda: self._change(operation), recover=_nothing)
        await operation.end(Status.SUCCEEDED, common.short_message(operation.head, "succeeded", "ended: changed"))

    async def _change(self, operation: Operation) -> None:
        await operation.check_authorized("change")
        await self.outside.act(operation, "changes")

    async def request(self, environment: str, requester: str) -> None:
        self.requests += 1
        key = f"key {self.requests}"
        title = f"Deploy {self.requests} to {environment}"
        await self.services.engine.begin(Request(key, "deploy", environment, requester, title, "C0OPS", {"ref": key}))

    async def open(self) -> tuple[Record, ...]:
        return await self.services.operations.all_open()

    async def press(self, number: int, person: str, decision: Outcome) -> bool:
        """A press on a button of the operation's message; whether it counted."""
        approval = await self.services.approvals.pending_of(number)
        if approval is None:
            return False
        try:
            await approve.check_may(self.services, approval, person, decision)
            await approve.decide(self.services, approval, person, decision)
        except UserError:
            return False
        return True

    async def freeze(self, environment: str) -> None:
        wanted = Closure(ClosureKind.FREEZE, environment, "U0LEE", "why", self.clock(), None)
        await self.services.closures.close(wanted)
        self.frozen.add(environment)

    async def unfreeze(self, environment: str) -> None:
        await self.services.closures.open(ClosureKind.FREEZE, environment, "U0LEE")
        self.frozen.discard(environment)

    async def settle(self) -> None:
        """Wait until nothing changes any more, and deliver what Slack has to get."""
        await Delivery(self.services).deliver_due()
        before: tuple[Any, ...] = ()
        for _ in range(400):
            records = await self.services.operations._select()
            now = (records, len(self.outside.effects), len(self.chat.says), dict(self.outside.acting))
            first = {record.environment: record for record in reversed(records) if not record.status.ended}
            running = any(record.status is not Status.APPROVAL for record in first.values()) or self.outside.acting
            if now == before and not running and len(records) == self.requests:
                break
            before = now
            await asyncio.sleep(QUIET)
        else:
            raise AssertionError(f"it never settles: {before}")
        await Delivery(self.services).deliver_due()


async def _nothing() -> None:
    """What was begun is taken for done: it is never done twice."""


async def world_in(directory: Path) -> World:
    """A world that works."""
    made = World(await migrated(f"sqlite:///{directory}/{time.monotonic_ns()}.sqlite"), directory)
    await made.start()
    return made
