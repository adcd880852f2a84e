"""The memory of operations that wait: requests that come at once, and queue behind the first."""

from __future__ import annotations

import asyncio
import time

import psutil

from sandbox.world import SECRETS, Options, World
from tests.bench import record
from tests.bench.figures import Figure
from tests.bench.posts import UNLIMITED, branches, command, volley

AT_ONCE = 16
KILOBYTES = 50.0
NUMBERED_WITHIN = 600.0  # seconds
SETTLES = 5.0  # seconds


async def measure(*, quick: bool) -> list[Figure]:
    """The memory that each operation adds once all have a number. Slack takes a message a second, so most wait for theirs."""
    size = 40 if quick else 2_000
    async with World(
        Options(without_aws=True, config={**UNLIMITED, "operations:\n": "operations:\n  queue_limit: 5000\n"})
    ) as world:
        branches(world, [f"waits-{n}" for n in range(size + AT_ONCE)])
        process = psutil.Process(world.bot.pid)
        secret = SECRETS["SLACK_SIGNING_SECRET"]
        url = f"http://127.0.0.1:{world.bot.port}/slack/events"
        await _request(url, 0, AT_ONCE, secret)  # the threads and caches that any number of requests needs
        await _numbered(world, AT_ONCE)
        before = process.memory_full_info().uss
        await _request(url, AT_ONCE, size, secret)
        await asyncio.sleep(SETTLES)
        added = (process.memory_full_info().uss - before) / 1e3 / size
        waiting = size + AT_ONCE - len(world.channel("#dev").messages)
    return [
        Figure(
            f"memory of each of {size} operations that wait", added, " kB", KILOBYTES, detail=f"{waiting} not announced"
        )
    ]


async def _request(url: str, first: int, number: int, secret: str) -> None:
    posts = [
        command(f"/deploy dev waits-{n}", trigger=f"waits-{n}", secret=secret) for n in range(first, first + number)
    ]
    answers = await volley(url, posts, at_once=AT_ONCE)
    if refused := [answer for answer in answers if answer.status != 200 or answer.body]:
        raise RuntimeError(f"{len(refused)} requests were refused: {refused[0]}")


async def _numbered(world: World, size: int) -> None:
    end = time.monotonic() + NUMBERED_WITHIN
    while record.read(world, "SELECT count(*) FROM signalbox_operations")[0][0] < size:
        if time.monotonic() > end:
            raise RuntimeError("the requests have no numbers")
        await asyncio.sleep(0.5)
