"""GitHub's webhooks reach the bot: a deploy is followed with a handful of calls, lost and forged ones do no harm."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import aiohttp

from sandbox.github.webhooks import signature
from sandbox.world import WEBHOOK_SECRET
from tests.scenarios.acting import infrastructure, operations_in, shows, types
from tests.scenarios.conftest import log_of

if TYPE_CHECKING:
    from sandbox.world import World
    from tests.scenarios.conftest import StartWorld

SHARED = {"webhooks": True, "speed": 30.0, "without_aws": True}
SECRET = WEBHOOK_SECRET["GITHUB_WEBHOOK_SECRET"]


def looks_at(world: World, run_id: int) -> int:
    return sum(f"/runs/{run_id}" in request.path and request.status != 304 for request in world.github.requests)


async def post(world: World, body: bytes, event: str = "workflow_run", *, signed: str | None = None) -> int:
    headers = {
        "Content-Type": "application/json",
        "X-GitHub-Event": event,
        "X-GitHub-Delivery": f"made-up-{len(body)}",
        "X-Hub-Signature-256": signature(SECRET, body) if signed is None else signed,
    }
    url = f"http://127.0.0.1:{world.bot.port}/github/webhooks"
    async with aiohttp.request("POST", url, data=body, headers=headers) as answer:
        return answer.status


async def test_a_deploy_is_followed_by_what_github_tells(shared_world: World) -> None:
    infrastructure(shared_world).slow_next("deploy-dev.yml", job="cron", times_slower=8)
    await types(shared_world, "ana", "#dev", "/deploy dev")
    await shows(shared_world, "#dev", "#1 ", ":white_check_mark:", "deployed")
    run_id = next(iter(infrastructure(shared_world).runs))
    assert looks_at(shared_world, run_id) <= 8
    sent = list(shared_world.github.deliveries.sent)
    assert len(sent) > 8
    assert {delivery.status for delivery in sent} == {202}


async def test_webhooks_of_others_and_of_nobody_change_nothing(shared_world: World) -> None:
    begun = len(operations_in(shared_world))
    run = {"id": 7, "run_attempt": 1, "status": "completed", "path": ".github/workflows/build-images.yml"}
    ours = {"action": "completed", "workflow_run": run, "repository": {"full_name": "PermanentOrg/infrastructure"}}
    foreign = json.dumps(ours | {"repository": {"full_name": "evil/infrastructure"}}).encode()
    assert await post(shared_world, json.dumps(ours).encode(), signed="sha256=" + "0" * 64) == 401
    assert await post(shared_world, foreign) == 202
    assert await post(shared_world, b"{}") == 400
    assert await post(shared_world, b'{"zen": "Design for failure."}', "ping") == 200
    assert "evil/infrastructure" in log_of(shared_world)
    assert len(operations_in(shared_world)) == begun


async def test_replayed_deliveries_change_nothing(shared_world: World) -> None:
    number = len(operations_in(shared_world)) + 1
    old = [(delivery.body, delivery.event) for delivery in shared_world.github.deliveries.sent]
    infrastructure(shared_world).slow_next("deploy-dev.yml", job="sftp", times_slower=20)
    await types(shared_world, "ana", "#dev", "/deploy dev")
    await shows(shared_world, "#dev", f"#{number} ", "running")
    for body, event in reversed(old):
        assert await post(shared_world, body, event) == 202
    await shows(shared_world, "#dev", f"#{number} ", ":white_check_mark:", "deployed")


async def test_without_a_secret_there_is_no_such_address(start_world: StartWorld) -> None:
    world = await start_world(speed=30.0)
    assert await post(world, b"{}") == 404
    await types(world, "ana", "#dev", "/deploy dev")
    await shows(world, "#dev", "#1 ", ":white_check_mark:", "deployed")


def boards(world: World) -> int:
    return sum(title.startswith("Build images") for _, title, _ in operations_in(world))


async def test_a_build_started_by_hand_gets_one_board_however_often_github_tells_of_it(start_world: StartWorld) -> None:
    world = await start_world(webhooks=True, speed=60.0)
    run = infrastructure(world).dispatch("build-images.yml", "main")
    await shows(world, "#ops", "Build images", f"run {run.number}")
    for delivery in list(world.github.deliveries.sent):
        await post(world, delivery.body, delivery.event)
    await world.bot.kill()
    later = infrastructure(world).dispatch("build-images.yml", "main")
    await world.bot.start()
    await shows(world, "#ops", "Build images", f"run {later.number}")
    assert boards(world) == 2
