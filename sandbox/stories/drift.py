"""Somebody changes a machine by hand: reported once, with a button for a plan that corrects it."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

from sandbox.stories._acting import announce, clicks, expect, shows
from sandbox.world import Options

if TYPE_CHECKING:
    from sandbox.world import World

SUMMARY = "dev drifts from its code: told once by itself, and a button leads to a plan that puts it right"
CHANNELS = ("#dev",)
# Every few seconds rather than once a day.
OPTIONS = Options(without_aws=True, config={"operations:\n": "watch:\n  drift: {every: 5s}\noperations:\n"})


async def play(world: World) -> None:
    """Act it out."""
    announce("nobody types anything; dev is as its code says")
    await asyncio.sleep(8)
    expect(not world.channel("#dev").messages, "there is no drift, and yet something was said")
    announce("somebody changes dev's state by hand")
    _change_by_hand(world)
    message = await shows(world, "#dev", "drifted from the code", timeout=60)
    await asyncio.sleep(12)
    expect(len(world.channel("#dev").messages) == 1, "the same drift was told twice")
    await clicks(world, "ana", message, "New plan")
    ask = await shows(world, "#dev", "Plan for dev", "Waiting for approval", timeout=60)
    await clicks(world, "ana", ask, "approve")
    await shows(world, "#dev", "Plan for dev", "applied", timeout=60)


def _change_by_hand(world: World) -> None:
    path = world.state_of("dev")
    state = json.loads(path.read_text())
    state["serial"] += 1
    state["outputs"].pop("images")
    path.write_text(json.dumps(state))
