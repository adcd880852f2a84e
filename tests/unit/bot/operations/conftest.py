"""The world of operations that the tests of a module share."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest
import pytest_asyncio

from bot.config import read
from bot.engine.engine import Engine, EngineSettings
from bot.operations import lifecycle
from bot.operations.command_answers import CommandAnswers
from bot.operations.queue import QueueDisplay
from bot.operations.registry import Kind
from bot.redaction import Redactor
from bot.store.annotations import Annotations
from bot.store.approvals import Approvals
from bot.store.artifacts import Artifacts
from bot.store.audit import Audit
from bot.store.closures import Closures
from bot.store.database import Store
from bot.store.migrations import migrate
from bot.store.operations import Operations, Request
from bot.store.outbox import Outbox
from bot.store.passes import Passes
from bot.store.preferences import Preferences
from tests.kept import ONE_MACHINE, ROOM
from tests.unit.bot.operations.lifecycle_world import FILE, SECRET, Chat, Directory, World

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bot.services import Services


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    directory = tmp_path_factory.mktemp("lifecycle")
    store, chat, redact = Store(f"sqlite:///{directory}/signalbox.sqlite"), Chat(), Redactor([SECRET])
    await migrate(store)
    services = cast(
        "Services",
        SimpleNamespace(
            config=read(FILE, "signalbox.yaml"), chat=chat, redact=redact, clock=time.time, workplace=directory,
            engine=Engine(EngineSettings(store.url, "test", store.keyring, wake_interval=0.05, queue_interval=0.05)),
            operations=Operations(store, time.time), approvals=Approvals(store, time.time), closures=Closures(store, time.time), passes=Passes(store, time.time),
            directory=Directory(), audit=Audit(store, time.time, redact), annotations=Annotations(store, time.time),
            children=ONE_MACHINE, room=ROOM,
            artifacts=Artifacts(store.keyring, None, Annotations(store, time.time)),
            outbox=Outbox(store, time.time), preferences=Preferences(store, time.time), queue_display=QueueDisplay(), command_answers=CommandAnswers(),
        ),
    )  # fmt: skip
    made = World(services, chat)

    async def begin(request: Request) -> None:
        kind = Kind(request.kind, made.workflow, supersedes=request.kind == "plan", about=made.about)
        await lifecycle.begin(services, request, kind)

    async def run(number: int) -> None:
        await lifecycle.run(services, number, Kind("test", made.workflow))

    async def run_plan(number: int) -> None:
        await lifecycle.run(services, number, Kind("plan", made.workflow))

    services.engine.register_begin(begin)
    services.engine.register("test", run)
    services.engine.register("plan", run_plan)
    await services.engine.launch()
    yield made
    services.engine.destroy()
    store.close()


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """No pace and no pauses between tries."""
    monkeypatch.setattr("bot.slack.client.POST_INTERVAL", 0.0)
    monkeypatch.setattr("bot.slack.client.UPDATE_INTERVAL", 0.0)
    for module in ("posting", "thread"):
        monkeypatch.setattr(f"bot.operations.{module}.QUICK", (0.0,) * 3)
