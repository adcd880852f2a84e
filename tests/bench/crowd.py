"""A burst of commands, and in the middle of it somebody presses Approve: commands never delay a decision."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from sandbox.world import SECRETS, Options, World
from tests.bench import record
from tests.bench.figures import Figure
from tests.bench.posts import UNLIMITED, branches, command, volley

if TYPE_CHECKING:
    from sandbox.slack import Message

TARGET = 1.0  # seconds
BEFORE_PRESS = 0.2  # seconds of the burst
LOOK_EVERY = 0.01
VOTES = "SELECT count(*) FROM signalbox_votes"


async def measure(*, quick: bool) -> list[Figure]:
    """How long the press takes until its decision is stored, while the commands of the burst are answered."""
    size = 50 if quick else 500
    async with World(Options(without_aws=True, config=UNLIMITED)) as world:
        branches(world, [f"crowd-{n}" for n in range(size)])
        await world.person("ana").type("#staging", "/plan staging")
        message = await world.channel("#staging").wait_for(_waits, timeout=120)
        secret = SECRETS["SLACK_SIGNING_SECRET"]
        posts = [command(f"/deploy dev crowd-{n}", trigger=f"crowd-{n}", secret=secret) for n in range(size)]
        burst = asyncio.create_task(volley(f"http://127.0.0.1:{world.bot.port}/slack/events", posts, at_once=size))
        await asyncio.sleep(BEFORE_PRESS)
        began = time.perf_counter()
        await world.person("lee").click(message, "approve")
        acknowledged = time.perf_counter() - began
        await _decided(world)
        decided = time.perf_counter() - began
        # Beyond a hundred in a queue each is answered that it is full, which is an answer too.
        refused = sum(answer.status != 200 for answer in await burst)
    detail = f"acknowledged after {acknowledged:.2f} s"
    return [
        Figure(f"Approve during a burst of {size} /deploy, decided", decided, " s", TARGET, detail=detail),
        Figure(f"of {size} not answered", refused, "", 0),
    ]


def _waits(message: Message) -> bool:
    return "Waiting for approval" in message.rendered and "approve" in str(message.blocks)


async def _decided(world: World) -> None:
    async with asyncio.timeout(120):
        while record.read(world, VOTES) == [(0,)]:  # noqa: ASYNC110  -- the database sends no event
            await asyncio.sleep(LOOK_EVERY)
