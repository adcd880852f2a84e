from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web

from sandbox.github import AppIdentity, GitHubStandIn, WebhookSettings, sandbox_repositories
from tests.unit.sandbox.github.client import APPLICATION, TOKEN, Client
from tests.unit.sandbox.github.schemas import fits

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

SECRET = "webhook-secret"
Receiver = tuple[str, list[tuple[dict[str, str], bytes]]]


@pytest.fixture
async def received() -> AsyncIterator[Receiver]:
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
    # The last delivery of a run.
    await until(lambda: any(item.event == "check_suite" for item in stand_in.deliveries.sent))
    await stand_in.stop()
    return stand_in


async def test_each_change_is_told_once_signed_and_in_order(
    received: Receiver,
) -> None:
    url, came = received
    await run_once(url)
    message: list[tuple[str, dict[str, Any]]] = []
    for headers, body in came:
        digest = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
        assert headers["X-Hub-Signature-256"] == f"sha256={digest}"
        message.append((headers["X-GitHub-Event"], json.loads(body)))
    runs = [payload for event, payload in message if event == "workflow_run"]
    jobs = [payload for event, payload in message if event == "workflow_job"]
    assert [payload["action"] for payload in runs] == ["requested", "in_progress", "completed"]
    assert runs[-1]["workflow_run"]["conclusion"] == "success"
    of_cron = [payload["action"] for payload in jobs if payload["workflow_job"]["name"] == "deploy (cron)"]
    assert of_cron == ["queued", "in_progress", "completed"]
    assert len({headers["X-GitHub-Delivery"] for headers, _ in came}) == len(came)


async def test_deliveries_fit_the_published_schema(received: Receiver) -> None:
    url, came = received
    await run_once(url)
    for headers, body in came:
        payload = json.loads(body)
        name = "".join(word.title() for word in f"{headers['X-GitHub-Event']}_{payload['action']}".split("_"))
        fits(f"Webhook{name}", payload)
    assert {headers["X-GitHub-Event"] for headers, _ in came} == {"workflow_run", "workflow_job", "check_suite"}


async def test_a_receiver_that_is_away_harms_no_run(capsys: pytest.CaptureFixture[str]) -> None:
    stand_in = await run_once("http://127.0.0.1:1/github/webhooks")
    assert {delivery.status for delivery in stand_in.deliveries.sent} == {0}
    assert len(stand_in.deliveries.sent) > 1
    assert capsys.readouterr().out == (
        "The webhook workflow_run (requested) was not delivered to http://127.0.0.1:1/github/webhooks: nobody listens there. "
        "Like the real GitHub, the sandbox sends neither this one again by itself nor any that is lost after it.\n"
    )


@pytest.fixture
async def connected(received: Receiver, stand_in: GitHubStandIn) -> GitHubStandIn:
    """A stand-in that notifies the receiver, once it has said ping."""
    stand_in.deliver_to(WebhookSettings(received[0], SECRET))
    await until(lambda: len(stand_in.deliveries.sent) == 1)
    return stand_in


async def until(ready: Callable[[], bool]) -> None:
    for _ in range(1_500):
        if ready():
            return
        await asyncio.sleep(0.02)
    raise AssertionError("not within 30 seconds")


def events(received: Receiver) -> list[tuple[str, str]]:
    """What came after the ping: event and, for pushes, the new commit."""
    return [(headers["X-GitHub-Event"], json.loads(body).get("after", "")) for headers, body in received[1][1:]]


async def test_a_new_webhook_is_pinged(connected: GitHubStandIn, received: Receiver) -> None:
    headers, body = received[1][0]
    assert (headers["X-GitHub-Event"], json.loads(body)["hook"]["config"]["url"]) == ("ping", received[0])
    assert headers["X-GitHub-Hook-ID"] == str(json.loads(body)["hook_id"])
    assert headers["User-Agent"].startswith("GitHub-Hookshot/")
    assert headers["Content-Type"] == "application/json"


async def test_pushes_and_pull_requests_are_told(connected: GitHubStandIn, received: Receiver, client: Client) -> None:
    repository = connected.repository("PermanentOrg/application")
    body = {"title": "Promote", "head": "dev", "base": "staging"}
    await client.post(f"{APPLICATION}/pulls", body)
    repository.commit("dev", {"new": "1"}, "One more")
    await client.ask("PUT", f"{APPLICATION}/pulls/1/merge", json={})
    deployment = {"ref": "staging", "required_contexts": []}
    made = (await client.post(f"{APPLICATION}/deployments", deployment)).json
    await client.post(f"{APPLICATION}/deployments/{made['id']}/statuses", {"state": "success"})
    await until(lambda: len(received[1]) == 8)
    message = [(headers["X-GitHub-Event"], json.loads(body)) for headers, body in received[1][1:]]
    assert [(event, payload.get("action")) for event, payload in message] == [
        ("pull_request", "opened"),
        ("pull_request", "synchronize"),
        ("push", None),
        ("push", None),
        ("pull_request", "closed"),
        ("deployment", "created"),
        ("deployment_status", "created"),
    ]
    assert message[4][1]["pull_request"]["merged"] is True
    for event, payload in message:
        words = [*event.split("_"), *(payload.get("action") or "").split("_")]
        fits("Webhook" + "".join(word.title() for word in words), payload)


async def test_deliveries_can_be_lost_doubled_and_mixed_up(connected: GitHubStandIn, received: Receiver) -> None:
    repository, deliveries = connected.repository("PermanentOrg/application"), connected.deliveries

    def push() -> tuple[str, str]:
        return "push", repository.commit("dev", {"counter": f"{len(repository.graph.commits)}"}, "Count").sha

    deliveries.lose(1, event="push")
    lost = push()
    deliveries.duplicate(1)
    twice = push()
    deliveries.mix(2)
    first, second = push(), push()
    await until(lambda: len(received[1]) == 5)
    assert events(received) == [twice, twice, second, first]
    assert received[1][1][0]["X-GitHub-Delivery"] == received[1][2][0]["X-GitHub-Delivery"]
    assert [json.loads(item.body)["after"] for item in deliveries.lost] == [lost[1]]
    assert await deliveries.redeliver(deliveries.lost[0]) == 202
    assert events(received)[-1] == lost


async def test_a_delivery_can_be_late_or_forged(connected: GitHubStandIn, received: Receiver) -> None:
    connected.deliveries.delay = 0.3
    connected.repository("PermanentOrg/application").commit("dev", {"a": "b"}, "Count")
    await asyncio.sleep(0.1)
    assert len(received[1]) == 1
    await until(lambda: len(received[1]) == 2)
    await connected.deliveries.send(connected.deliveries.sent[-1], secret="another")
    signed = [headers["X-Hub-Signature-256"] for headers, _ in received[1][1:]]
    assert signed[0] != signed[1]


async def test_only_wanted_events_are_told(received: Receiver, stand_in: GitHubStandIn) -> None:
    stand_in.deliver_to(WebhookSettings(received[0], SECRET, frozenset({"workflow_run"})))
    repository = stand_in.repository("PermanentOrg/infrastructure")
    repository.commit("dev", {"a": "b"}, "Count")
    await repository.ended(repository.dispatch("deploy-dev.yml", "main"))
    await until(lambda: len(received[1]) == 3)
    assert {headers["X-GitHub-Event"] for headers, _ in received[1]} == {"workflow_run"}


async def test_an_app_is_told_its_installation(received: Receiver) -> None:
    app = AppIdentity(7, "no key")
    stand_in = GitHubStandIn(token=TOKEN, repositories=sandbox_repositories(), app=app)
    await stand_in.start()
    stand_in.deliver_to(WebhookSettings(received[0], SECRET))
    await until(lambda: len(received[1]) == 1)
    assert json.loads(received[1][0][1])["installation"]["id"] == app.installation_id
    await stand_in.stop()
