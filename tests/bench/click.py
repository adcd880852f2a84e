"""From the click on Approve to a running terraform apply."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING

from sandbox.github.seed import INFRASTRUCTURE
from sandbox.world import Options, World
from tests.bench.figures import Figure, of_runs

if TYPE_CHECKING:
    from sandbox.slack import Message

TARGET = 0.5
LOOK_EVERY = 0.005
SESSION = "instances/dev/session.auto.tfvars.json"


async def measure(*, quick: bool) -> list[Figure]:
    """Plans of dev with a change each, approved one after the other."""
    runs = 1 if quick else 8
    async with World(Options(without_aws=True)) as world:
        seconds = [await _run(world, number) for number in range(1, runs + 1)]
    return [of_runs("click on Approve to terraform apply", seconds, TARGET)]


async def _run(world: World, number: int) -> float:
    message = await plan(world, number)
    began = time.perf_counter()
    click = asyncio.create_task(world.person("lee").click(message, "approve"))
    await _apply_runs(world.files / "var" / "operations" / str(number) / "apply" / "pid")
    seconds = time.perf_counter() - began
    await click
    await _shows(world, number, ": applied")
    return seconds


async def plan(world: World, number: int) -> Message:
    """Renew a key in dev's code and plan it: the plan that waits for approval, operation `number`."""
    content = json.dumps({"session_key_generation": 100 + number})
    world.github.repository(INFRASTRUCTURE).commit("main", {SESSION: content}, f"Renew the session key, {number}")
    await world.person("ana").type("#dev", "/plan dev")
    return await _shows(world, number, "Approve")


async def _shows(world: World, number: int, piece: str) -> Message:
    def fits(message: Message) -> bool:
        return f"#{number} " in message.rendered and piece in message.rendered

    return await world.channel("#dev").wait_for(fits, timeout=120)


async def _apply_runs(pids: Path) -> None:
    """Wait until the program that the supervisor recorded is a terraform that applies."""
    async with asyncio.timeout(60):
        while not _applies(pids):  # noqa: ASYNC110 - there is no event
            await asyncio.sleep(LOOK_EVERY)


def _applies(pids: Path) -> bool:
    try:
        program = pids.read_text().splitlines()[-1].split()[0]
    except FileNotFoundError:
        return False
    return Path(f"/proc/{program}/cmdline").read_bytes().split(b"\0")[1:2] == [b"apply"]
