"""What is wrong with the machine: /readyz says it, and a request of another time is refused with how far it is off."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pytest

from tests.unit.bot.inbound.test_server import COMMAND, client, handled, operations, post

if TYPE_CHECKING:
    from aiohttp.test_utils import TestClient

    from bot.process.health import Health

__all__ = ["client", "handled", "operations"]  # fixtures


async def test_what_is_wrong_with_the_machine_makes_it_not_ready(client: TestClient[Any, Any], health: Health) -> None:
    health.report("clock", "the machine's clock is 301 s behind Slack's")
    answer = await client.get("/readyz")
    assert (answer.status, await answer.json()) == (503, {"status": "the machine's clock is 301 s behind Slack's"})
    health.report("clock", "")
    assert (await client.get("/readyz")).status == 200


@pytest.mark.parametrize("off", [-301 - 5, 301 + 5])
async def test_a_request_that_slack_signed_at_another_time_is_refused_and_the_log_says_by_how_much(
    client: TestClient[Any, Any], caplog: pytest.LogCaptureFixture, off: int
) -> None:
    body = urlencode(COMMAND).encode()
    status, _ = await post(client, body, at=str(int(time.time()) + off))
    assert status == 401
    which = "ahead of" if off > 0 else "before"
    assert f"s {which} this machine's time: somebody sends it again, or a clock is wrong" in caplog.text
    caplog.clear()
    status, answer = await post(client, body, at=str(int(time.time()) + off), X_Slack_Signature="v0=0")
    assert (status, "the request is too old, or a clock is wrong" in answer) == (401, True)
