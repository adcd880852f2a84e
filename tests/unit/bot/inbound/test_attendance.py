"""/readyz and /metrics know of work that nobody does, on both databases."""

from __future__ import annotations

import time
from datetime import timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import sqlalchemy as sa
from aiohttp.test_utils import TestClient, TestServer

from bot.config import read
from bot.inbound import server
from bot.process.health import Health
from bot.store.operations import Operations, Request
from bot.store.outbox import Outbox
from bot.store.workers import Identity, Workers, workers
from tests.unit.bot.config.test_worker_labels import FILE

if TYPE_CHECKING:
    from bot.services import Services
    from bot.store.database import Store


async def test_work_that_nobody_does_is_reported_while_requests_are_answered(store: Store) -> None:
    operations, all_workers = Operations(store, time.time), Workers(store, timedelta(minutes=2))
    lease = await all_workers.acquire(Identity("serve", "machine", "host-a", "1"))
    in_hand = {"serve#1": (7,), "serve#0": (3, 4)}

    async def read_in_hand() -> dict[str, tuple[int, ...]]:
        return in_hand

    services = SimpleNamespace(
        config=read(FILE, "signalbox.yaml"), operations=operations, clock=time.time, outbox=Outbox(store, time.time),
        lease=SimpleNamespace(workers=all_workers, lease=lease), engine=SimpleNamespace(operations_in_hand=read_in_hand),
    )  # fmt: skip
    application = server.make()
    server.add_metrics(application, cast("Services", services), Health())
    await operations.create(Request("k", "deploy", "dev", "U0ANA", "t", "C0OPS", {}))
    async with TestClient(TestServer(application)) as client:
        assert "#3, #4: its worker has ended" in await (await client.get("/readyz")).text()
        del in_hand["serve#0"]
        readiness = await (await client.get("/readyz")).json()
        assert readiness["status"] == "degraded"
        assert "staging: no running worker has the labels eu, prod; start one with" in str(readiness)
        await all_workers.acquire(Identity("work", "machine-b", "host-b", "1", ("eu", "gpu", "prod")))
        assert await (await client.get("/readyz")).json() == {"status": "ready"}
        past = sa.update(workers).values(lease_until=1.0, seen_at=workers.c.seen_at - 500)
        await store.run(lambda connection: connection.execute(past))
        answer = await client.get("/readyz")
        assert answer.status == 200
        assert (await answer.json())["status"] == "degraded"
        text = await answer.text()
        assert "worker serve on host-a has not answered for 5" in text
        assert "no worker takes operations" in text
        lines = (await (await client.get("/metrics")).text()).splitlines()
    assert 'signalbox_workers{state="silent"} 2.0' in lines
    assert 'signalbox_workers{state="working"} 0.0' in lines
    ages = {line.split()[0]: float(line.split()[1]) for line in lines if line.startswith("signalbox_oldest")}
    assert ages["signalbox_oldest_heartbeat_seconds"] >= 500
    assert ages["signalbox_oldest_queued_seconds"] >= 0
