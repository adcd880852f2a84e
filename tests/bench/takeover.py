"""From the end of a process until another one has its work: after SIGKILL, and after SIGTERM."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import psycopg

from sandbox.postgres_server import initdb
from sandbox.world import Options, World
from tests.bench import click
from tests.bench.figures import Figure, of_runs

if TYPE_CHECKING:
    from sandbox.bot_process import BotProcess

LEASE = 5.0  # seconds
AFTER_THE_LEASE, POLITE = 1.0, 1.0
POLL_EVERY = 0.01
_HOLDER = "SELECT executor_id FROM dbos.workflow_status WHERE workflow_uuid = 'operation-1' AND status = 'PENDING'"


async def measure(*, quick: bool) -> list[Figure]:
    """A plan waits for approval, and the process that has it in hand ends, several times."""
    if not initdb():
        return []
    runs = 1 if quick else 5
    config = {"operations:\n": f"operations:\n  lease: {LEASE:.0f}s\n"}
    async with World(Options(without_aws=True, workers=2, config=config)) as world:
        await click.plan(world, 1)
        polite = [await _handed_over(world, kill=False) for _ in range(runs)]
        after_death = [await _handed_over(world, kill=True) for _ in range(runs)]
    return [
        of_runs("from SIGTERM until another process has its plan", polite, POLITE),
        of_runs(f"from SIGKILL, with a lease of {LEASE:.0f} s", after_death, LEASE + AFTER_THE_LEASE),
    ]


async def _handed_over(world: World, *, kill: bool) -> float:
    url = world.bot._environment["DATABASE_URL"]
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as database:
        before = await _held_by_other_than("", database)
        process = _process(world, before)
        began = time.perf_counter()
        ending = asyncio.create_task(process.kill() if kill else process.stop())
        await _held_by_other_than(before, database)
        seconds = time.perf_counter() - began
        await ending
    await process.start()
    return seconds


async def _held_by_other_than(before: str, database: psycopg.AsyncConnection) -> str:
    async with asyncio.timeout(120):
        while True:
            row = await (await database.execute(_HOLDER)).fetchone()
            if row and row[0] != before:
                return str(row[0])
            await asyncio.sleep(POLL_EVERY)


def _process(world: World, executor: str) -> BotProcess:
    return world.workers.get(executor.partition("#")[0], world.bot)
