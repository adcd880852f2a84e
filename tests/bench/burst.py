"""Two hundred people type /deploy at the same moment, and the bot is killed right after it has answered the last."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from statistics import median
from typing import TYPE_CHECKING

from sandbox.world import SECRETS, Options, World
from tests.bench import record
from tests.bench.figures import Figure
from tests.bench.posts import UNLIMITED, branches, command, volley

if TYPE_CHECKING:
    from tests.bench.posts import Answer

SLACK_WAITS = 3.0  # seconds; after that Slack reports to the person that the app failed
NUMBERED_WITHIN = 120.0


async def measure(*, quick: bool) -> list[Figure]:
    """The time of the slowest answer, and how many of the deploys are recorded, after an immediate kill."""
    size = 20 if quick else 200
    async with World(Options(without_aws=True, config=UNLIMITED)) as world:
        branches(world, [f"burst-{n}" for n in range(size)])
        answers = await _burst(world, size)
        await world.bot.kill()
        await world.bot.start()
        numbered = await _numbered(world, size)
        _check_messages(world)
    acked = [answer.seconds for answer in answers]
    refused = sum(answer.status != 200 or bool(answer.body) for answer in answers)
    return [
        Figure(f"{size} /deploy at once, slowest answer", max(acked), " s", SLACK_WAITS, detail=_median(acked)),
        Figure(f"of {size} not taken", refused, "", 0),
        Figure(f"of {size} lost, after SIGKILL at once", size - len(numbered), "", 0),
        Figure(f"of {size} begun twice", sum(numbered.values()) - len(numbered), "", 0),
    ]


def _median(seconds: list[float]) -> str:
    return f"median {median(seconds):.2f} s"


async def _burst(world: World, size: int) -> list[Answer]:
    secret = SECRETS["SLACK_SIGNING_SECRET"]
    posts = [command(f"/deploy dev burst-{n}", trigger=f"deploy-{n}", secret=secret) for n in range(size)]
    return await volley(f"http://127.0.0.1:{world.bot.port}/slack/events", posts, at_once=size)


async def _numbered(world: World, size: int) -> Counter[str]:
    """How often each deploy is recorded, once all are, or none was added for a time."""
    end = time.monotonic() + NUMBERED_WITHIN
    while True:
        titles = Counter(title for (title,) in record.read(world, "SELECT title FROM signalbox_operations"))
        if len(titles) >= size or time.monotonic() > end:
            return titles
        await asyncio.sleep(0.5)


def _check_messages(world: World) -> None:
    """No message is there twice. Slack takes about a message a second, so most are not there yet."""
    marks = Counter(str(message.metadata) for message in world.channel("#dev").messages)
    twice = [mark for mark, times in marks.items() if times > 1]
    if twice:
        raise RuntimeError(f"posted twice: {twice}")
