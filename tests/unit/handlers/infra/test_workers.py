"""/infra workers: what is listed, who is drained, and that only what no worker continues can be ended."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest
import sqlalchemy as sa

from bot.check.workers import check_workers
from bot.errors import UserError
from bot.store.database import Store
from bot.store.operations import Request, Status
from bot.store.workers import Identity, Lease, Workers, workers
from handlers.infra import workers as infra_workers
from tests.unit.bot.drawn import read
from tests.unit.handlers.conftest import typed

if TYPE_CHECKING:
    from pathlib import Path

    from bot.services import Services
    from tests.unit.handlers.conftest import Desk

LENGTH = timedelta(minutes=2)


@dataclass
class Engine:
    """What each process has in hand, and what was ended."""

    in_hand: dict[str, tuple[int, ...]] = field(default_factory=dict)
    abandoned: list[int] = field(default_factory=list)

    async def operations_in_hand(self) -> dict[str, tuple[int, ...]]:
        return self.in_hand

    async def abandon(self, number: int) -> None:
        self.abandoned.append(number)


@pytest.fixture
def engine() -> Engine:
    return Engine()


@pytest.fixture
def services(desk: Desk, engine: Engine, tmp_path: Path) -> Services:
    made = cast("Any", desk.services)
    made.engine, made.workplace = engine, tmp_path
    made.lease = SimpleNamespace(workers=Workers(desk.store, LENGTH))
    return cast("Services", made)


async def acquired(
    desk: Desk, name: str, labels: tuple[str, ...] = ("prod",), *, takes_operations: bool = True
) -> Lease:
    identity = Identity(name, f"machine-{name}", f"host-{name}", "1", labels, 4711, takes_operations)
    lease = await Workers(desk.store, LENGTH).acquire(identity)
    assert isinstance(lease, Lease)
    return lease


async def answer(services: Services, words: str = "", user: str = "U0LEE") -> str:
    message = await infra_workers.workers(services, typed(f"workers {words}", user=user), words.split())
    return read(message)


async def running(desk: Desk) -> None:
    await desk.operations.create(Request("k", "plan", "staging", "U0ANA", "Plan for staging", "C0STAGING", {}))
    await desk.operations.set_status(1, Status.RUNNING)


async def test_each_worker_is_listed_with_its_host_its_heartbeat_and_what_it_has_in_hand(
    desk: Desk, services: Services, engine: Engine
) -> None:
    a, _ = await acquired(desk, "a"), await acquired(desk, "b")
    await running(desk)
    engine.in_hand = {a.incarnation: (1,)}
    text = await answer(services)
    assert "*a* on host-a (pid 4711): working, since" in text
    assert re.search(r"last heartbeat \d+ s ago, version `1`, labels `prod`", text)
    assert "in hand: #1" in text
    assert "*b* on host-b (pid 4711): working" in text
    assert "nothing in hand" in text
    assert "Lease: 2 min" in text


async def test_what_nobody_works_on_is_listed(desk: Desk, services: Services, engine: Engine) -> None:
    await acquired(desk, "a")
    await running(desk)
    engine.in_hand = {"b#1": (1,)}
    assert "#1: its worker has ended, and no other has taken it up" in await answer(services)


async def test_a_worker_is_drained_with_a_record_and_never_the_last(desk: Desk, services: Services) -> None:
    await acquired(desk, "a")
    with pytest.raises(UserError, match="a is the only worker that takes operations"):
        await answer(services, "drain a")
    await acquired(desk, "b")
    assert "*a* is draining" in await answer(services, "drain a")
    assert [worker.draining for worker in await Workers(desk.store, LENGTH).all()] == [True, False]
    assert await desk.audit_log() == [("U0LEE", "drain worker")]
    with pytest.raises(UserError, match="b is the only worker"):
        await answer(services, "drain b")
    with pytest.raises(UserError, match="There is no worker"):
        await answer(services, "drain c")
    await acquired(desk, "a")
    assert not any(worker.draining for worker in await Workers(desk.store, LENGTH).all()), "a restart ends it"


async def test_only_what_no_living_worker_has_in_hand_is_ended(desk: Desk, services: Services, engine: Engine) -> None:
    a = await acquired(desk, "a")
    await running(desk)
    engine.in_hand = {a.incarnation: (1,)}
    with pytest.raises(UserError, match="#1 is in hand of a on host-a, last heartbeat"):
        await answer(services, "end 1")
    engine.in_hand = {}
    with pytest.raises(UserError, match="A worker is about to take up #1"):
        await answer(services, "end #1")
    engine.in_hand = {"b#7": (1,)}
    with pytest.raises(UserError, match="There is no operation #1"):
        await answer(services, "end 1", user="U0NOBODY")
    assert ("U0NOBODY", "click refused") in await desk.audit_log()
    assert not engine.abandoned
    assert "#1 is ended as interrupted" in await answer(services, "end 1")
    assert engine.abandoned == [1]
    assert (await desk.operations.get(1)).status is Status.INTERRUPTED
    assert ("U0LEE", "end operation") in await desk.audit_log()
    with pytest.raises(UserError, match="#1 has ended already"):
        await answer(services, "end 1")


async def test_what_is_queued_is_cancelled_and_not_ended(desk: Desk, services: Services) -> None:
    await desk.operations.create(Request("k", "plan", "staging", "U0ANA", "Plan for staging", "C0STAGING", {}))
    with pytest.raises(UserError, match="#1 is queued"):
        await answer(services, "end 1")


@pytest.mark.parametrize("words", ["end", "end x", "end ²", "end 99", "drain", "stop a", "end 12345678901234567890"])
async def test_other_words_are_refused_in_words(services: Services, words: str) -> None:
    with pytest.raises(UserError):
        await answer(services, words)


async def test_check_reports_the_workers_and_operations_that_nobody_takes(desk: Desk) -> None:
    async def lines() -> list[tuple[bool, str]]:
        findings = await check_workers(desk.services.config, lambda: Store(desk.store.url, desk.store.keyring))
        return [(each.ok, each.detail) for each in findings.connections()]

    assert await lines() == [(True, "none is there")]
    await running(desk)
    assert await lines() == [(False, "1 operations are open and no worker takes them")]
    await acquired(desk, "a")
    ok, text = (await lines())[0]
    assert ok
    assert text.startswith("a on host-a, last heartbeat ")
    past = sa.update(workers).values(lease_until=1.0, seen_at=workers.c.seen_at - 300)
    await desk.store.run(lambda connection: connection.execute(past))
    problems = await lines()
    assert "a on host-a has not answered for 3" in problems[0][1]
    assert "no worker takes them" in problems[1][1]


def labelled(services: Services, *labels: str) -> None:
    """Let staging ask for these labels."""
    config = services.config
    staging = config.environments["staging"].model_copy(update={"worker_labels": labels})
    environments = {**config.environments, "staging": staging}
    cast("Any", services).config = config.model_copy(update={"environments": environments})


async def test_an_environment_without_a_worker_is_listed_checked_and_can_be_ended(
    desk: Desk, services: Services, engine: Engine
) -> None:
    labelled(services, "gpu")
    await acquired(desk, "a")
    missing = "staging: no running worker has the label gpu; start one with SIGNALBOX_LABELS=gpu"
    assert missing in await answer(services)
    checked = await check_workers(services.config, lambda: Store(desk.store.url, desk.store.keyring))
    assert missing in [each.detail for each in checked.connections()]
    await running(desk)
    assert "#1 is ended as interrupted" in await answer(services, "end 1"), "nobody is about to take it up"
    await acquired(desk, "b", ("gpu", "prod"))
    assert "no running worker" not in await answer(services)
    with pytest.raises(UserError, match=r"b is the only worker with the labels of staging \(gpu\)"):
        await answer(services, "drain b")
    assert "*a* is draining" in await answer(services, "drain a")


async def test_a_process_that_only_answers_is_no_worker(desk: Desk, services: Services) -> None:
    await acquired(desk, "serve", takes_operations=False)
    text = await answer(services)
    assert "*serve* on host-serve (pid 4711): answering" in text
    assert "takes no operations (`serve --no-work`)" in text
    assert "no worker takes operations" in text
    await acquired(desk, "work")
    assert "no worker takes operations" not in await answer(services)
    with pytest.raises(UserError, match="work is the only worker that takes operations"):
        await answer(services, "drain work")
