"""Operations whose labels no running worker has: the first queued one displays it, one that had begun gets it into its thread."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from bot.config import read
from bot.operations import thread, unserved
from bot.operations.queue import QueueDisplay
from bot.operations.spreading import Spreading
from bot.operations.unserved import UnservedWatch
from bot.store.operations import Operations, Request, Status
from bot.store.workers import Identity, Lease, Workers
from tests.unit.bot.config.test_worker_labels import FILE

if TYPE_CHECKING:
    from bot.services import Services
    from bot.store.database import Store
    from bot.store.operations import Record

MISSING = "no running worker has the labels eu, prod; start one with SIGNALBOX_LABELS=eu,prod"


class Display(QueueDisplay):
    """Notes which queues are to be drawn, and what for."""

    def __init__(self) -> None:
        super().__init__()
        self.drawn_for: dict[str, tuple[str, ...] | None] = {}

    def changed(self, services: Services, environment: str) -> None:
        del services
        self.drawn_for[environment] = self._unserved.get(environment)


async def lease_of(store: Store, name: str, *labels: str) -> Lease:
    lease = await Workers(store, timedelta(minutes=2)).acquire(Identity(name, "machine", "host", "1", labels))
    assert isinstance(lease, Lease)
    return lease


async def operation(operations: Operations, status: Status) -> Record:
    key = f"{status} key"
    number = await operations.create(Request(key, "plan", "staging", "U0ANA", "Plan", "C0STAGING", {}))
    await operations.set_message(number, "C0STAGING", f"{number}.1")
    await operations.set_status(number, status)
    return await operations.get(number)


async def watching(store: Store, lease: Lease, in_hand: dict[str, tuple[int, ...]]) -> tuple[UnservedWatch, Any]:
    async def operations_in_hand() -> dict[str, tuple[int, ...]]:
        return in_hand

    async def full_machines() -> frozenset[str]:
        return frozenset()

    services = SimpleNamespace(
        config=read(FILE, "signalbox.yaml"), operations=Operations(store, lambda: 1.0), queue_display=Display(),
        lease=SimpleNamespace(workers=Workers(store, timedelta(minutes=2)), lease=lease),
        engine=SimpleNamespace(operations_in_hand=operations_in_hand),
        room=SimpleNamespace(full_machines=full_machines),
    )  # fmt: skip
    watch = UnservedWatch(cast("Services", services), Spreading(cast("Services", services), ()))
    await watch.close()  # each test checks by itself
    return watch, services


@pytest.fixture
def posted(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, str]]:
    """What is posted into threads: the operation's number, and the text."""
    made: list[tuple[int, str]] = []

    async def post(_: Services, record: Record, name: str, message: Any, displayed: object) -> None:
        assert (name, displayed) == ("no worker", None)
        made.append((record.number, message.text))

    monkeypatch.setattr(thread, "post_message", post)
    return made


async def test_who_waits_and_who_had_begun_is_told_by_one_process(
    store: Store, monkeypatch: pytest.MonkeyPatch, posted: list[tuple[int, str]]
) -> None:
    monkeypatch.setattr(unserved, "GRACE", 0.0)
    a, b = await lease_of(store, "a"), await lease_of(store, "b", "eu")
    operations = Operations(store, lambda: 1.0)
    stopped, running, queued = [
        await operation(operations, each) for each in (Status.APPROVAL, Status.RUNNING, Status.WAITING)
    ]
    first, services = await watching(store, a, {"b#1": (running.number,)})
    second, others = await watching(store, b, {"b#1": (running.number,)})
    for watch in (first, second, first, second):
        await watch.check()
    assert posted == [(stopped.number, f"Nobody continues this: its worker has ended, and {MISSING}.")]
    assert services.queue_display.drawn_for == {"staging": ("eu", "prod")}
    assert others.queue_display.drawn_for == {}, "another process draws"
    records = await operations.open_in("staging")
    assert queued in records
    await lease_of(store, "c", "eu", "prod")
    services.queue_display.drawn_for.clear()
    await first.check()
    assert services.queue_display.drawn_for == {}


async def test_a_worker_that_is_restarted_is_waited_for(store: Store, posted: list[tuple[int, str]]) -> None:
    watch, _ = await watching(store, await lease_of(store, "a"), {})
    await operation(Operations(store, lambda: 1.0), Status.APPROVAL)
    await watch.check()
    await watch.check()
    assert not posted
