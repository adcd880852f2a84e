"""Runs that a machine has no room for wait, say so, and are cancelled or begin when there is room; also across a kill."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.scenarios.acting import clicks, rejects, shows, types
from tests.scenarios.machines import OPERATIONS
from tests.scenarios.staged import asked, machines_wait

if TYPE_CHECKING:
    from tests.scenarios.conftest import StartWorld


@pytest.mark.slow("four runs of terraform, one after the other")
async def test_runs_wait_for_room_on_their_machine(start_world: StartWorld) -> None:
    world = await start_world(config={OPERATIONS: f"{OPERATIONS}  at_once: {{machine: 1}}\n"})
    gate = machines_wait(world)
    ask = await asked(world, "/plan staging", "#staging", "#1 ", "Waiting for approval")
    await clicks(world, "lee", ask, "approve")
    await gate.reached(3)

    await types(world, "ana", "#dev", "/plan dev")
    waits = await shows(world, "#dev", "#2 ", "Waits for room on ", "1 of 1 runs", "Now on this machine: #1.")
    assert waits.buttons == ["Cancel"]
    await clicks(world, "ana", waits, "Cancel")
    await shows(world, "#dev", "#2 ", "cancelled by @ana")

    await types(world, "ana", "#dev", "/plan dev")
    await shows(world, "#dev", "#3 ", "Waits for room on ")
    await types(world, "ana", "#prod", "/plan prod")
    await shows(world, "#prod", "#4 ", "Waits for room on ")
    await world.bot.kill()
    await world.bot.start()
    gate.open()
    await shows(world, "#staging", "#1 ", "applied")
    done = await shows(world, "#dev", "#3 ", "up to date")
    assert "Waits for room" not in done.rendered
    last = await shows(world, "#prod", "#4 ", "Waiting for approval")
    await rejects(world, "ana", last)
    await shows(world, "#prod", "#4 ", "rejected")
    assert gate.times_run == 3, "the apply ran once"
