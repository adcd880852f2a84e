"""A queue has a limit, which is said in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bot.access import policy
from bot.errors import UserError
from bot.operations import requests
from bot.operations.requests import OperationRequest
from bot.store.operations import Request, Status

if TYPE_CHECKING:
    from tests.unit.handlers.conftest import Desk


def deploy(desk: Desk, key: str, lane: str = "") -> OperationRequest:
    target = policy.target_of(desk.config, "staging")
    return OperationRequest("deploy", "Deploy main to staging", "U0ANA", key, target, lane=lane)


async def test_a_full_queue_takes_nothing_more_and_says_what_helps(desk: Desk) -> None:
    limit = desk.config.operations.queue_limit
    for number in range(limit - 2):
        request = Request(f"open {number}", "deploy", "staging", "U0ANA", "Deploy", "C0STAGING", {})
        await desk.operations.create(request)
    # Accepted requests that have no number yet count as well.
    await requests.start(desk.services, deploy(desk, "a"))
    await requests.start(desk.services, deploy(desk, "b"))
    with pytest.raises(
        UserError, match=f"The queue of staging is full: {limit} operations are running or waiting"
    ) as full:
        await requests.start(desk.services, deploy(desk, "c"))
    assert "operations.queue_limit" in str(full.value)
    await requests.start(desk.services, deploy(desk, "d", lane="run 1"))
    await desk.operations.set_status(1, Status.CANCELLED)
    await requests.start(desk.services, deploy(desk, "e"))
    assert [request.key for request in desk.engine.begun] == ["a", "b", "d", "e"]
