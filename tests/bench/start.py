"""The time from the start of the process until it is ready."""

from __future__ import annotations

import time

from sandbox.world import Options, World
from tests.bench.figures import Figure, of_runs

TARGET = 1.5


async def measure(*, quick: bool) -> list[Figure]:
    """Stop and start the bot several times; each start is over when /readyz reports it (polled every 50 ms)."""
    runs = 2 if quick else 8
    async with World(Options(without_aws=True)) as world:
        seconds = [await _start(world) for _ in range(runs)]
    return [of_runs("start to ready", seconds, TARGET)]


async def _start(world: World) -> float:
    await world.bot.stop()
    began = time.perf_counter()
    await world.bot.start()
    return time.perf_counter() - began
