"""An apply is cancelled while machines come up: what was done is said, and the next plan shows the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.stories._acting import clicks, expect, shows, types
from sandbox.stories._infrastructure import slow_machines
from sandbox.world import Options

if TYPE_CHECKING:
    from sandbox.world import World

SUMMARY = "an apply is cancelled in the middle: the message says what was done and by whom, a new plan shows the rest"
CHANNELS = ("#staging",)
OPTIONS = Options(without_aws=True)


async def play(world: World) -> None:
    """Act it out."""
    machines = slow_machines(world)
    await types(world, "ana", "#staging", "/plan staging")
    ask = await shows(world, "#staging", "3 to replace", "Waiting for approval")
    await clicks(world, "lee", ask, "approve")
    await machines.under_way(3)
    applying = await shows(world, "#staging", "applying", "Cancel")
    await clicks(world, "max", applying, "Cancel")
    ended = await shows(world, "#staging", "#1", "@max cancelled the apply", "What was done stays done")
    expect(machines.started == 3, "machines were started after the apply was cancelled")
    expect(ended.buttons == ["New plan"], f"it has the buttons {ended.buttons}")

    machines.let_up()
    await clicks(world, "ana", ended, "New plan")
    rest = await shows(world, "#staging", "#2", "Waiting for approval")
    expect("3 to replace" not in rest.rendered, "the new plan wants to do again what was done")
    await clicks(world, "lee", rest, "approve")
    await shows(world, "#staging", "#2", "applied")
    expect(machines.started == 5, f"{machines.started} machines were started: 3 before the cancel, 2 after it")
