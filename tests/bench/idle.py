"""Memory and processor time of the idle bot, and of the bot while a plan waits for approval."""

from __future__ import annotations

import asyncio

import psutil

from sandbox.world import Options, World
from tests.bench import click
from tests.bench.figures import Figure

MEMORY = 250.0  # megabytes, resident
PROCESSOR = 1.0  # percent of one core
SETTLES = 65.0  # seconds; the durable engine polls for schedules every second for a minute, and rarely after that
AFTER_THE_PLAN = 5.0  # seconds


async def measure(*, quick: bool) -> list[Figure]:
    """Memory and processor time of the bot's process over some seconds, after its start is over."""
    seconds = 3.0 if quick else 20.0
    async with World(Options(without_aws=True)) as world:
        await asyncio.sleep(1.0 if quick else SETTLES)
        memory, processor = await _taken(world, seconds)
        await click.plan(world, 1)
        await asyncio.sleep(1.0 if quick else AFTER_THE_PLAN)
        memory_waiting, processor_waiting = await _taken(world, seconds)
    over = f"over {seconds:.0f} s"
    return [
        Figure("resident memory, idle", memory, " MB", MEMORY),
        Figure("processor, idle", processor, " %", PROCESSOR, detail=over),
        Figure("resident memory, a plan waiting", memory_waiting, " MB", MEMORY),
        Figure("processor, a plan waiting", processor_waiting, " %", detail=over),
    ]


async def _taken(world: World, seconds: float) -> tuple[float, float]:
    """Megabytes, and percent of one core."""
    process = psutil.Process(world.bot.pid)
    process.cpu_percent()
    await asyncio.sleep(seconds)
    return process.memory_info().rss / 1e6, process.cpu_percent()
