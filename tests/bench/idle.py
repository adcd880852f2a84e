"""Memory and processor time of the idle bot, and while a plan waits for approval; on SQLite and on PostgreSQL."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from typing import TYPE_CHECKING

import psutil

from sandbox.postgres_server import initdb
from sandbox.world import Options, World
from tests.bench import click
from tests.bench.figures import Figure
from tests.postgres_server import running_postgres

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MEMORY = 150.0  # megabytes, resident
PROCESSOR = 0.5  # percent of one core
SETTLES = 65.0  # seconds; the durable engine polls for schedules every second for a minute, and rarely after that
AFTER_THE_PLAN = 5.0  # seconds


async def measure(*, quick: bool) -> list[Figure]:
    """Memory and processor time of the bot's process over some seconds, after its start is over."""
    figures = await _measured("SQLite", {}, quick=quick)
    if initdb():
        with _database() as environment:
            figures += await _measured("PostgreSQL", environment, quick=quick)
    return figures


@contextmanager
def _database() -> Iterator[Mapping[str, str]]:
    with running_postgres() as server:
        yield {"DATABASE_URL": server.new_database()}


async def _measured(name: str, environment: Mapping[str, str], *, quick: bool) -> list[Figure]:
    seconds = 3.0 if quick else 20.0
    async with World(Options(without_aws=True, environment=environment)) as world:
        await asyncio.sleep(1.0 if quick else SETTLES)
        memory, processor = await _taken(world, seconds)
        await click.plan(world, 1)
        await asyncio.sleep(1.0 if quick else AFTER_THE_PLAN)
        memory_waiting, processor_waiting = await _taken(world, seconds)
    over = f"over {seconds:.0f} s"
    return [
        Figure(f"resident memory, idle, {name}", memory, " MB", MEMORY),
        Figure(f"processor, idle, {name}", processor, " %", PROCESSOR, detail=over),
        Figure(f"resident memory, a plan waiting, {name}", memory_waiting, " MB"),
        Figure(f"processor, a plan waiting, {name}", processor_waiting, " %", detail=over),
    ]


async def _taken(world: World, seconds: float) -> tuple[float, float]:
    """Megabytes, and percent of one core."""
    process = psutil.Process(world.bot.pid)
    process.cpu_percent()
    await asyncio.sleep(seconds)
    return process.memory_info().rss / 1e6, process.cpu_percent()
