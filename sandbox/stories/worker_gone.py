"""A plan waits for approval on a machine that is lost with its files: another machine takes it up, and applies it."""

from __future__ import annotations

import re
import shutil
from itertools import pairwise
from typing import TYPE_CHECKING

from sandbox import waiting
from sandbox.stories._acting import announce, clicks, expect, shows, types
from sandbox.world import Options

if TYPE_CHECKING:
    from sandbox.world import World

SUMMARY = "the machine that made a plan is lost; the plan is approved all the same, and another machine applies it"
CHANNELS = ("#staging",)
LEASE = "operations:\n  lease: 5s\n"  # two minutes unless configured
OPTIONS = Options(without_aws=True, workers=2, config={"operations:\n": LEASE})


async def play(world: World) -> None:
    """Act it out."""
    if not world.workers:
        announce("PostgreSQL is not on this machine (Debian: apt-get install postgresql), and several machines need it")
        return
    await types(world, "ana", "#staging", "/plan staging")
    ask = await shows(world, "#staging", "Plan for staging", "Waiting for approval")
    holder = await _holder(world)
    if holder not in world.workers:
        announce("the serving process has it; it is updated, and hands the plan over")
        await world.bot.restart()
        holder = await _holder(world)
    expect(holder in world.workers, f"{holder} has the plan, and is no worker")
    announce(f"{holder} has it; its machine is lost, with its files")
    await world.workers[holder].kill()
    shutil.rmtree(world.workplace_of(holder))
    await clicks(world, "lee", ask, "approve")
    done = await shows(world, "#staging", "applied, 3 replaced", "approved by")
    expect(not done.buttons, "an applied plan still has buttons")
    expect(len(world.channel("#staging").messages) == 1, "the takeover posted a second message")
    page = await _workers(world)
    line = next((line for line in page.splitlines() if holder in line), "")
    expect("ended" in line, f"/infra workers says of {holder}: {line!r}")


async def _holder(world: World) -> str:
    """Who has the operation in hand, as `/infra workers` says."""
    listed: list[str] = []

    async def look() -> None:
        while not listed:
            lines = (await _workers(world)).splitlines()
            pairs = pairwise(lines)
            listed.extend(_name(first) for first, second in pairs if "in hand: #1" in second)

    await waiting.within(60, look())
    return listed[0]


async def _workers(world: World) -> str:
    reply = await world.person("ana").type("#ops", "/infra workers")
    return reply.ephemerals[-1].rendered if reply.ephemerals else ""


def _name(line: str) -> str:
    named = re.search(r"(serve|worker-\d+)", line)
    return named[1] if named else line
