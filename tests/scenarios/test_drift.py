"""Drift: nothing said while there is none, once when there is, again when it changes, and when it is gone."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import pytest

from tests.scenarios.acting import infrastructure, operations_in, rejects, shows, thread_of, types
from tests.scenarios.moments import rows, until

if TYPE_CHECKING:
    from sandbox.world import World
    from tests.scenarios.conftest import StartWorld

# dev alone, every few seconds: each look is a plan by a real terraform.
_STAGING = """    terraform:
      directory: instances/staging
      backend_config: {path: "{files}/state/staging/terraform.tfstate"}
      variables: [backend_ami, ready_when]
"""
_PROD = """    terraform:
      directory: instances/production
      backend_config: {path: "{files}/state/prod/terraform.tfstate"}
"""
WATCHED = {"operations:\n": "watch:\n  drift: {every: 4s}\noperations:\n", _STAGING: "", _PROD: ""}
CODE = "instances/dev/session.auto.tfvars.json"


@pytest.mark.slow("drift checks at their interval, until they have shown three states and a restart")
async def test_what_drifts_is_told_once_again_when_it_changes_and_when_it_is_gone(start_world: StartWorld) -> None:
    world = await start_world(config=WATCHED)
    await _looks(world, 1)
    assert not world.channel("#dev").messages, "something was said, and there is no drift"

    original = _change(world, "images")
    first = await shows(world, "#dev", "drifted from the code: 1 output to change")
    assert first.buttons == ["New plan"]
    await until(lambda: "images" in thread_of(world, first))
    await until(lambda: "The plan as Terraform prints it, and every difference" in thread_of(world, first))
    await _looks(world, 2)
    assert len(world.channel("#dev").messages) == 1, "the same drift was told twice"

    await world.bot.kill()
    await world.bot.start()
    await _looks(world, 1)
    assert len(world.channel("#dev").messages) == 1, "a restart told the same drift again"

    generation = infrastructure(world).graph.resolve("main").files[CODE].decode()
    infrastructure(world).commit("main", {CODE: json.dumps({"session_key_generation": 9})}, "Renew the session key")
    second = await shows(world, "#dev", "drifted from the code: 1 to change")
    assert second is not first

    infrastructure(world).commit("main", {CODE: generation}, "Take it back")
    world.state_of("dev").write_bytes(original)
    await shows(world, "#dev", "no drift any more: the environment matches the code", timeout=120)
    await _looks(world, 1)
    messages = world.channel("#dev").messages
    assert "no drift any more" in messages[-1].rendered
    assert not any("no drift any more" in message.rendered for message in messages[:-1])
    assert {status for _, _, status in operations_in(world)[:-1]} == {"succeeded"}


def _change(world: World, output: str) -> bytes:
    path = world.state_of("dev")
    original = path.read_bytes()
    state = json.loads(original)
    state["serial"] += 1
    state["outputs"].pop(output)
    path.write_text(json.dumps(state))
    return original


async def _looks(world: World, more: int) -> None:
    """Wait until so many more looks have been begun and ended."""
    last = max((number for number, _, _ in operations_in(world)), default=0)
    ended = "SELECT number FROM signalbox_operations WHERE ended_at IS NOT NULL"
    await until(lambda: sum(int(str(number)) > last for (number,) in rows(world, ended)) >= more)


async def test_behind_a_plan_that_waits_one_look_waits_and_no_more(start_world: StartWorld) -> None:
    world = await start_world(config=WATCHED)
    infrastructure(world).commit("main", {CODE: json.dumps({"session_key_generation": 9})}, "Renew the session key")
    await types(world, "ana", "#dev", "/plan dev")
    ask = await shows(world, "#dev", "Plan for dev", "Waiting for approval")
    await asyncio.sleep(10)
    waiting = [status for _, title, status in operations_in(world) if "drift" in title and status == "waiting"]
    assert len(waiting) <= 1, f"{len(waiting)} looks wait behind one plan"
    assert "Waiting for approval" in ask.rendered, "a look by itself took the plan's place"
    await rejects(world, "ana", ask)
    await shows(world, "#dev", "Plan for dev", "rejected")
