"""/readyz and /metrics say what Slack has not taken yet."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast
from unittest.mock import AsyncMock

from aiohttp.test_utils import TestClient, TestServer
from prometheus_client.parser import text_string_to_metric_families

from bot.config import read
from bot.inbound import server
from bot.process.health import Health
from bot.store.operations import Operations
from bot.store.outbox import Outbox
from bot.store.workers import Workers
from tests.unit.handlers.conftest import FILE

if TYPE_CHECKING:
    from bot.services import Services
    from bot.store.database import Store
    from tests.unit.bot.conftest import Clock


async def test_what_slack_has_not_taken_is_said_and_counted(store: Store, clock: Clock) -> None:
    outbox, application = Outbox(store, clock), server.make()
    lease = SimpleNamespace(workers=Workers(store, timedelta(minutes=2)))
    engine = SimpleNamespace(operations_in_hand=AsyncMock(return_value={}))
    services: Any = SimpleNamespace(
        operations=Operations(store, clock),
        outbox=outbox,
        lease=lease,
        engine=engine,
        clock=clock,
        config=read(FILE, "signalbox.yaml"),
    )
    server.add_metrics(application, cast("Services", services), Health())
    await outbox.put(7, "message", 0, b"{}", "Slack's chat.update answered token_revoked")
    async with TestClient(TestServer(application)) as client:
        answer = await client.get("/readyz")
        assert answer.status == 200
        words = " ".join((await answer.json())["problems"])
        families = text_string_to_metric_families(await (await client.get("/metrics")).text())
    assert "undelivered messages: 1, the oldest since 2023-11-14 22:13:20 UTC" in words
    assert "token_revoked" in words
    (gauge,) = [family for family in families if family.name == "signalbox_undelivered_messages"]
    assert [sample.value for sample in gauge.samples] == [1]
