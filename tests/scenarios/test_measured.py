"""What the team that runs the bot sees of a deploy: metrics at an address of their own, and a log that machines read."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import aiohttp
from prometheus_client.parser import text_string_to_metric_families

from sandbox.ports import free_port
from tests.scenarios.acting import shows, types
from tests.scenarios.conftest import FAST
from tests.scenarios.moments import until

if TYPE_CHECKING:
    from tests.scenarios.conftest import StartWorld


async def test_one_deploy_is_measured_and_logged_with_its_number(start_world: StartWorld) -> None:
    address = f"127.0.0.1:{free_port()}"
    world = await start_world(speed=FAST, environment={"METRICS_ADDRESS": address, "LOG_FORMAT": "json"})
    await types(world, "ana", "#dev", "/deploy dev")
    await shows(world, "#dev", ":white_check_mark:", "#1 ", "deployed")
    await until(lambda: "ended, succeeded" in world.bot.log.read_text())  # the message is displayed before
    async with aiohttp.ClientSession() as session, session.get(f"http://{address}/metrics") as answer:
        text = await answer.text()
    measured = {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    assert measured["signalbox_operations_ended_total", "deploy", "succeeded"] == 1
    assert measured["signalbox_operation_duration_seconds_count", "deploy"] == 1
    assert measured["signalbox_slack_acknowledgement_seconds_count",] >= 1
    assert measured["signalbox_slack_calls_total", "chat.postMessage", "ok"] >= 1
    assert measured["signalbox_api_calls_total", "github", "ok"] >= 3
    assert measured["signalbox_api_rate_limit_remaining", "core", "github"] > 0
    assert measured["signalbox_queue_length", "prod"] == 0
    assert measured["signalbox_database_up",] == 1
    entries = [json.loads(line) for line in world.bot.log.read_text().splitlines()]
    of_deploy = [entry["message"] for entry in entries if entry.get("operation") == 1]
    assert of_deploy[0].startswith("operation 1: deploy in dev")
    assert any("ended, succeeded" in message for message in of_deploy)
    assert {"time", "level", "logger", "message"} <= set.intersection(*(set(entry) for entry in entries))
