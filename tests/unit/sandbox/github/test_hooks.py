from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import aiohttp
import pytest

from sandbox.github import DropConnectionError, Exchange, GitHubError, GitHubStandIn
from tests.unit.sandbox.github.client import INFRASTRUCTURE, Client

if TYPE_CHECKING:
    from sandbox.github import Repository

DISPATCHES = f"{INFRASTRUCTURE}/actions/workflows/deploy-dev.yml/dispatches"


@pytest.fixture
def repository(stand_in: GitHubStandIn) -> Repository:
    return stand_in.repository("PermanentOrg/infrastructure")


@pytest.mark.parametrize(("phase", "runs"), [("before", 0), ("after", 1)])
async def test_a_hook_answers_in_githubs_place(
    client: Client, stand_in: GitHubStandIn, repository: Repository, phase: str, runs: int
) -> None:
    async def unavailable(exchange: Exchange) -> None:
        if exchange.phase == phase and exchange.method == "POST":
            raise GitHubError(502, "Server Error", headers={"Retry-After": "1"})

    stand_in.on_request.append(unavailable)
    answer = await client.post(DISPATCHES, {"ref": "main"})
    assert (answer.status, answer.headers["Retry-After"], len(repository.runs)) == (502, "1", runs)
    assert stand_in.requests[-1].status == 502


@pytest.mark.parametrize(("phase", "runs"), [("before", 0), ("after", 1)])
async def test_a_hook_breaks_the_connection(
    client: Client, stand_in: GitHubStandIn, repository: Repository, phase: str, runs: int
) -> None:
    async def drop(exchange: Exchange) -> None:
        if exchange.phase == phase:
            raise DropConnectionError

    stand_in.on_request.append(drop)
    with pytest.raises(aiohttp.ClientConnectionError):
        await client.post(DISPATCHES, {"ref": "main"})
    assert len(repository.runs) == runs
    assert stand_in.requests[-1].status == 0


async def test_a_hook_sees_the_request_and_may_wait(client: Client, stand_in: GitHubStandIn) -> None:
    observed: list[Exchange] = []

    async def look(exchange: Exchange) -> None:
        observed.append(exchange)
        await asyncio.sleep(0.1)

    stand_in.on_request.append(look)
    began = time.monotonic()
    await client.post(DISPATCHES, {"ref": "main"})
    assert time.monotonic() - began >= 0.2
    assert [(item.phase, item.status, item.body) for item in observed] == [
        ("before", 0, b'{"ref": "main"}'),
        ("after", 204, b'{"ref": "main"}'),
    ]


async def test_an_unchanged_answer_is_304_and_costs_nothing(client: Client, stand_in: GitHubStandIn) -> None:
    first = await client.get(INFRASTRUCTURE)
    remaining = int(first.headers["X-RateLimit-Remaining"])
    again = await client.get(INFRASTRUCTURE, headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status, again.body, again.headers["ETag"]) == (304, b"", first.headers["ETag"])
    assert int(again.headers["X-RateLimit-Remaining"]) == remaining
    assert stand_in.requests[-1].conditional


async def test_an_etag_changes_with_the_answer_and_with_the_token(client: Client, stand_in: GitHubStandIn) -> None:
    path = f"{INFRASTRUCTURE}/commits/main"
    etag = (await client.get(path)).headers["ETag"]
    stand_in.accept_token("ghp_other", "ana-duarte")
    other = await client.get(path, headers={"Authorization": "Bearer ghp_other", "If-None-Match": etag})
    assert other.status == 200
    stand_in.repository("PermanentOrg/infrastructure").commit("main", {"a": "b"}, "Change")
    assert (await client.get(path, headers={"If-None-Match": etag})).status == 200


async def test_the_rate_limit_is_counted_and_enforced(client: Client, stand_in: GitHubStandIn) -> None:
    stand_in.rate_limit.limit = 2
    answers = [await client.get(INFRASTRUCTURE) for _ in range(3)]
    assert [answer.status for answer in answers] == [200, 200, 403]
    assert [answer.headers["X-RateLimit-Remaining"] for answer in answers] == ["1", "0", "0"]
    assert "API rate limit exceeded" in answers[-1].json["message"]
    assert int(answers[-1].headers["X-RateLimit-Reset"]) > time.time()
    assert (await client.get("/rate_limit")).json["rate"]["remaining"] == 0
