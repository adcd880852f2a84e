"""GitHub on a bad day. Requests are POSTs: the client itself repeats a GET over a connection that broke."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import aiohttp
import pytest

from tests.unit.sandbox.github.client import INFRASTRUCTURE, Client

if TYPE_CHECKING:
    from sandbox.github import GitHubStandIn

DISPATCHES = f"{INFRASTRUCTURE}/actions/workflows/deploy-dev.yml/dispatches"


async def test_github_is_gone_for_a_while(client: Client, stand_in: GitHubStandIn) -> None:
    stand_in.faults.down(0.3)
    with pytest.raises(aiohttp.ClientConnectionError):
        await client.post(DISPATCHES, {"ref": "main"})
    assert (stand_in.faults.is_down, stand_in.faults.unanswered) == (True, 1)
    await asyncio.sleep(0.35)
    assert (await client.get(INFRASTRUCTURE)).status == 200


async def test_an_outage_may_be_a_5xx_and_ends_when_told(client: Client, stand_in: GitHubStandIn) -> None:
    stand_in.faults.down(how=503)
    assert (await client.post(DISPATCHES, {"ref": "main"})).status == 503
    stand_in.faults.up()
    assert (await client.get(INFRASTRUCTURE)).status == 200
    assert not stand_in.repository("PermanentOrg/infrastructure").runs


async def test_an_outage_may_be_silence(client: Client, stand_in: GitHubStandIn) -> None:
    stand_in.faults.down(how="hang")
    asked = asyncio.create_task(client.post(DISPATCHES, {"ref": "main"}))
    await asyncio.sleep(0.2)
    assert not asked.done()
    stand_in.faults.up()
    with pytest.raises(aiohttp.ClientConnectionError):
        await asked


async def test_silence_ends_by_itself(client: Client, stand_in: GitHubStandIn) -> None:
    stand_in.faults.down(0.2, how="hang")
    began = time.monotonic()
    with pytest.raises(aiohttp.ClientConnectionError):
        await client.post(DISPATCHES, {"ref": "main"})
    assert time.monotonic() - began >= 0.2


@pytest.mark.parametrize(("phase", "runs"), [("before", 0), ("after", 1)])
async def test_one_answer_may_be_another(client: Client, stand_in: GitHubStandIn, phase: str, runs: int) -> None:
    stand_in.faults.answer_next(502, method="POST", path=r"/dispatches$", phase=phase)  # type: ignore[arg-type] # from the table
    assert (await client.get(INFRASTRUCTURE)).status == 200
    answer = await client.post(DISPATCHES, {"ref": "main"})
    assert (answer.status, len(stand_in.repository("PermanentOrg/infrastructure").runs)) == (502, runs)
    assert (await client.post(DISPATCHES, {"ref": "main"})).status == 204


async def test_secondary_limits_say_how_long_or_nothing(client: Client, stand_in: GitHubStandIn) -> None:
    stand_in.faults.secondary_limit(times=2, retry_after=7)
    answers = [await client.get(INFRASTRUCTURE) for _ in range(3)]
    assert [answer.status for answer in answers] == [403, 403, 200]
    assert answers[0].headers["Retry-After"] == "7"
    assert "secondary rate limit" in answers[0].json["message"]
    stand_in.faults.secondary_limit(retry_after=None, status=429)
    answer = await client.get(INFRASTRUCTURE)
    assert (answer.status, "Retry-After" in answer.headers) == (429, False)
