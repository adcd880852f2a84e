"""A command that only reads, through the whole bot, beside a bare app that only acknowledges."""

from __future__ import annotations

import asyncio
import sys
from contextlib import asynccontextmanager
from itertools import count
from statistics import median
from typing import TYPE_CHECKING

import aiohttp

from sandbox.bot_process import PROJECT
from sandbox.ports import free_port
from sandbox.world import SECRETS, Options, World
from tests.bench import record
from tests.bench.figures import Figure
from tests.bench.posts import UNLIMITED, Post, command, rate

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.bench.posts import Answer

AT_ONCE = 16
TARGET = 0.6
SECRET = SECRETS["SLACK_SIGNING_SECRET"]


async def measure(*, quick: bool) -> list[Figure]:
    """Measure both in turn, so that other work of the machine affects both."""
    tasks, requests = (2, 200) if quick else (8, 1500)
    async with World(Options(without_aws=True, config=UNLIMITED)) as world, bare_app(world) as bare:
        whole = f"http://127.0.0.1:{world.bot.port}/slack/events"
        for url in (bare, whole):
            await _rate(url, 100)
        pairs = [(await _rate(bare, requests), await _rate(whole, requests)) for _ in range(tasks)]
        _check_audit_log(world, 100 + tasks * requests)
    return [_figure(pairs)]


def _figure(pairs: list[tuple[float, float]]) -> Figure:
    ratios = [whole / bare for bare, whole in pairs]
    bare, whole = (median(rates) for rates in zip(*pairs, strict=True))
    detail = f"median of {len(pairs)} rounds, {min(ratios):.2f} to {max(ratios):.2f}; {whole:.0f}/s beside {bare:.0f}/s"
    return Figure("/infra help beside a bare app", median(ratios), "", TARGET, more_is_better=True, detail=detail)


_triggers = count()


def _posts(how_many: int) -> list[Post]:
    return [command("/infra help", trigger=f"help-{next(_triggers)}", secret=SECRET) for _ in range(how_many)]


async def _rate(url: str, requests: int) -> float:
    per_second, answers = await rate(url, _posts(requests), at_once=AT_ONCE)
    _check(answers)
    return per_second


def _check(answers: list[Answer]) -> None:
    refused = [answer for answer in answers if answer.status != 200]
    if refused:
        raise RuntimeError(f"{len(refused)} of {len(answers)} requests were refused: {refused[0]}")


def _check_audit_log(world: World, requests: int) -> None:
    """Check that each answered command is in the audit log: the speed does not come from an omission."""
    [(annotations_of,)] = record.read(world, "SELECT count(*) FROM signalbox_audit WHERE action = '/infra help'")
    if annotations_of != requests:
        raise RuntimeError(f"the bot answered {requests} commands and noted {annotations_of}")


@asynccontextmanager
async def bare_app(world: World) -> AsyncIterator[str]:
    """The bare app as a child process, on the world's Slack; its request URL."""
    port = free_port()
    arguments = (str(port), f"{world.slack.url}/api/", SECRETS["SLACK_BOT_TOKEN"], SECRET)
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.bench.bare_app", *arguments, cwd=PROJECT, stdin=asyncio.subprocess.DEVNULL
    )
    try:
        await _ready(f"http://127.0.0.1:{port}/readyz")
        yield f"http://127.0.0.1:{port}/slack/events"
    finally:
        child.terminate()
        await child.wait()


async def _ready(url: str) -> None:
    async with asyncio.timeout(30), aiohttp.ClientSession() as session:
        while True:
            try:
                async with session.get(url):
                    return
            except aiohttp.ClientError:
                await asyncio.sleep(0.05)
