from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from typing import TYPE_CHECKING, Any

from aiohttp import web

from sandbox.github import GitHubStandIn, WebhookSettings, sandbox_repositories
from tests.unit.sandbox.github.client import TOKEN
from tests.unit.sandbox.github.schemas import fits

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

import pytest

SECRET = "webhook-secret"


@pytest.fixture
async def received() -> AsyncIterator[tuple[str, list[tuple[dict[str, str], bytes]]]]:
    """The receiver's address and what came."""
    came: list[tuple[dict[str, str], bytes]] = []

    async def receive(request: web.Request) -> web.Response:
        came.append((dict(request.headers), await request.read()))
        return web.Response(status=202)

    application = web.Application()
    application.router.add_post("/github/webhooks", receive)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}/github/webhooks", came
    await runner.cleanup()


async def run_once(url: str) -> GitHubStandIn:
    webhook = WebhookSettings(url, SECRET)
    stand_in = GitHubStandIn(token=TOKEN, repositories=sandbox_repositories(), speed=200, webhook=webhook)
    await stand_in.start()
    repository = stand_in.repository("PermanentOrg/infrastructure")
    await repository.ended(repository.dispatch("deploy-dev.yml", "main"))
    for _ in range(1_500):
        if any((one.event, one.action) == ("workflow_run", "completed") for one in stand_in.deliveries.sent):
            break
        await asyncio.sleep(0.02)
    await stand_in.stop()
    return stand_in


async def test_each_change_is_told_once_signed_and_in_order(
    received: tuple[str, list[tuple[dict[str, str], bytes]]],
) -> None:
    url, came = received
    await run_once(url)
    told: list[tuple[str, dict[str, Any]]] = []
    for headers, body in came:
        digest = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
        assert headers["X-Hub-Signature-256"] == f"sha256={digest}"
        told.append((headers["X-GitHub-Event"], json.loads(body)))
    runs = [payload for event, payload in told if event == "workflow_run"]
    jobs = [payload for event, payload in told if event == "workflow_job"]
    assert [payload["action"] for payload in runs] == ["requested", "in_progress", "completed"]
    assert runs[-1]["workflow_run"]["conclusion"] == "success"
    of_cron = [payload["action"] for payload in jobs if payload["workflow_job"]["name"] == "deploy (cron)"]
    assert of_cron == ["queued", "in_progress", "completed"]
    assert len({headers["X-GitHub-Delivery"] for headers, _ in came}) == len(came)


async def test_deliveries_fit_the_published_schema(received: tuple[str, list[tuple[dict[str, str], bytes]]]) -> None:
    url, came = received
    await run_once(url)
    for headers, body in came:
        payload = json.loads(body)
        event = {"workflow_run": "WebhookWorkflowRun", "workflow_job": "WebhookWorkflowJob"}[headers["X-GitHub-Event"]]
        action = "".join(word.title() for word in payload["action"].split("_"))
        fits(f"{event}{action}", payload)


async def test_a_receiver_that_is_away_harms_no_run(capsys: pytest.CaptureFixture[str]) -> None:
    stand_in = await run_once("http://127.0.0.1:1/github/webhooks")
    assert {delivery.status for delivery in stand_in.deliveries.sent} == {0}
    assert "was not received" in capsys.readouterr().out
