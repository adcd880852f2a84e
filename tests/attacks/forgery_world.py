"""A bot's operations on the real engine and a real database, with an attacker who may write to that database alone."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import sqlalchemy as sa
from dbos import DBOS

from bot.config import read
from bot.engine.engine import Engine, EngineSettings
from bot.errors import UserError
from bot.operations import lifecycle
from bot.operations.command_answers import CommandAnswers
from bot.operations.queue import QueueDisplay
from bot.operations.registry import Click, Kind, Registry, Submission
from bot.redaction import Redactor
from bot.slack.blocks import common, kit
from bot.store.annotations import Annotations
from bot.store.approval_tables import approvals
from bot.store.approvals import Approvals, Outcome
from bot.store.artifacts import Artifacts
from bot.store.audit import Audit
from bot.store.closures import Closures
from bot.store.database import Store
from bot.store.migrations import migrate
from bot.store.operations import Operations, Status
from bot.store.outbox import Outbox
from bot.store.preferences import Preferences
from bot.store.refused_attempts import RefusedAttempts
from handlers.operation import approve
from tests.kept import ONE_MACHINE, ROOM
from tests.unit.bot.operations.lifecycle_world import ATTEMPTS, Chat, Directory, World, succeed

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bot.operations.operation import Operation
    from bot.seals import Keyring
    from bot.services import Services
    from bot.slack.blocks.kit import Message
    from bot.store.operations import Record, Request

CONFIG = """
slack: {channel: "#ops"}
github: {repository: o/r}
aws: {region: us-west-2}
access: {operators: [U0ANA], approvers: ["usergroup:S0LEADS"]}
environments:
  dev: {deploy: {github_actions: {workflow: d.yml}}, approval: {required: 1}}
  prod: {deploy: {github_actions: {workflow: d.yml}}, approval: {required: 2}}
  open: {deploy: {github_actions: {workflow: d.yml}}, approval: {required: 0}}
"""


@dataclass
class Bot:
    """One start of the bot. `effects` are what its operations did outside; they outlive a start."""

    store: Store
    world: World
    directory: Directory
    effects: list[int] = field(default_factory=list)

    @property
    def services(self) -> Services:
        return self.world.services

    async def request(self, environment: str = "dev") -> Record:
        """An operation that waits for its approval."""
        return await self.world.until(await self.begin(environment), Status.APPROVAL)

    async def begin(self, environment: str = "dev") -> Request:
        return await self.world.begin(self.effect, environment)

    async def effect(self, operation: Operation) -> None:
        """The workflow: ask for approval where the target requires one, then do something outside, once."""
        if not await self._approved(operation):
            return

        async def do() -> None:
            await operation.check_authorized("effect")
            self.effects.append(operation.number)

        await operation.once("effect", do=do, recover=do)
        await succeed(operation)

    async def _approved(self, operation: Operation) -> bool:
        required = operation.target.approval.required
        if not required:
            return True
        view = await operation.approved(binding_of(operation.number), required, lambda item: _open(operation, item))
        if view.outcome != Outcome.APPROVED:
            await operation.end(Status(view.outcome), common.short_message(operation.head, view.outcome, "not done"))
            return False
        return True

    async def click(self, record: Record, person: str, decide: Any = approve.approve) -> str:
        """A click of this person on the message; the reply that refuses it, or empty."""
        now = await self.services.operations.get(record.number)
        click = SimpleNamespace(
            user=person, value=await self._approval_of(record), channel=now.channel, message_ts=now.message_ts,
            trigger_id="1.1", action_id=common.APPROVE, registry=Registry(), at_home=False,
        )  # fmt: skip
        try:
            await decide(self.services, cast("Click", click))
        except UserError as refused:
            return str(refused)
        return ""

    async def reject(self, record: Record, person: str) -> str:
        """This person sends off the window of Reject without a reason; what refuses it, or empty."""
        value = await self._approval_of(record)
        submission = SimpleNamespace(user=person, private_metadata=value, values={"reason": ""})
        return "".join((await approve.rejected(self.services, cast("Submission", submission))).values())

    async def _approval_of(self, record: Record) -> str | None:
        wanted = sa.select(approvals.c.id).where(approvals.c.operation == record.number)
        return await self.store.run(lambda connection: connection.scalar(wanted))

    async def attack(self, statement: str, *values: Any) -> None:
        """What the attacker changes in the database; `?` stands for a value."""
        parts = statement.split("?")
        named = "".join(f"{part}:v{index}" for index, part in enumerate(parts[:-1])) + parts[-1]
        bound = {f"v{index}": value for index, value in enumerate(values)}
        await self.change(lambda connection: connection.execute(sa.text(named), bound))

    async def change(self, work: Callable[[sa.Connection], object]) -> None:
        """What the attacker does in a transaction, by a connection that is not the bot's."""
        own = Store(self.store.url)
        try:
            await own.run(work)
        finally:
            own.close()

    async def refused(self, record: Record) -> str:
        """The message of the operation after it was refused; the audit log has the refusal, and nothing was done."""
        await self.services.engine.wake(record.number)
        await self.until(record, Status.FAILED)
        assert record.number not in self.effects
        assert lifecycle.REFUSED in await self.audit_actions()
        return await self.world.until_said(record, "Nothing was started")

    async def until(self, record: Record, status: Status) -> None:
        """Until the operation has this status."""
        for _ in range(ATTEMPTS):
            now = await self.services.operations.get(record.number)
            if now.status is status:
                return
            await asyncio.sleep(0.02)
        raise AssertionError(f"#{record.number} is {now.status}, and not {status}: {self.world.said_of(record)}")

    async def pretend(self, statement: str) -> None:
        """The attacker's change of the engine's own tables, named with {dbos}."""
        schema = "dbos." if self.store.url.startswith("postgresql") else ""
        await self.attack(statement.replace("{dbos}", schema))

    async def audit_actions(self) -> list[str]:
        return [line.entry.action for line in await self.services.audit.read(newest=99)]

    def stop(self) -> None:
        DBOS.destroy(destroy_registry=True)
        self.store.close()


def binding_of(number: int) -> str:
    """The digest of what the operation asks for."""
    return f"{number:064}"


def _open(operation: Operation, view: common.ApprovalView) -> Message:
    buttons = common.decision_buttons(view, approve="Approve", question="Sure?")
    return kit.message("open", [buttons, common.approval_lines(view), common.requester_block(operation.head)])


async def start(url: str, keyring: Keyring, workplace: Path, before: Bot | None = None) -> Bot:
    """Start a bot on this database; `before` is the earlier start, whose messages and effects there are."""
    DBOS.destroy(destroy_registry=True)  # the workflows of other tests in this process
    store, directory, redact = Store(url, keyring), Directory(), Redactor()
    await migrate(store)
    settings = EngineSettings(url, "test", keyring, wake_interval=0.05, queue_interval=0.05)
    chat = before.world.chat if before else Chat()
    audit = Audit(store, time.time, redact, keyring)
    services = SimpleNamespace(
        config=read(CONFIG, "signalbox.yaml"), chat=chat, redact=redact, clock=time.time, engine=Engine(settings),
        operations=Operations(store, time.time), approvals=Approvals(store, time.time), closures=Closures(store, time.time), directory=directory,
        children=ONE_MACHINE, room=ROOM, artifacts=Artifacts(keyring, None, Annotations(store, time.time)),
        audit=audit, refused_attempts=RefusedAttempts(audit, time.time), annotations=Annotations(store, time.time), outbox=Outbox(store, time.time), preferences=Preferences(store, time.time), queue_display=QueueDisplay(), command_answers=CommandAnswers(), workplace=workplace,
    )  # fmt: skip
    world = World(cast("Services", services), chat)
    bot = Bot(store, world, directory, before.effects if before else [])
    kind = Kind("test", bot.effect)
    services.engine.register_begin(lambda request: lifecycle.begin(world.services, request, kind))
    services.engine.register("test", lambda number: lifecycle.run(world.services, number, kind))
    await services.engine.launch()
    return bot
