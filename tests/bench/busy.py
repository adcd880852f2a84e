"""Fifty live boards and twenty plans at work: how fast commands are answered, and how soon a decision is displayed."""

from __future__ import annotations

import asyncio
import tempfile
import time
from pathlib import Path
from statistics import median, quantiles
from typing import TYPE_CHECKING

from sandbox.github.seed import BUILD_SOME, INFRASTRUCTURE
from sandbox.world import SECRETS, Options, World
from tests.bench.drift_round import CODE, ENVIRONMENT
from tests.bench.figures import Figure
from tests.bench.posts import UNLIMITED, command, volley
from tests.bench.spread import CHANNELS, WAITS, waiting_program

if TYPE_CHECKING:
    from sandbox.slack import Message

BOARDS, PLANS, DECISIONS = 50, 20, 20
ANSWERED, VISIBLE = 1.0, 2.0  # limits: seconds, of 99 in 100 commands and of 95 in 100 decisions
BETWEEN_COMMANDS, BETWEEN_DECISIONS = 0.5, 10.0  # seconds
SPEED = 2.0  # simulated seconds per real one: a build lasts longer than the measurement
PLAN_LASTS = 900  # seconds
WITHIN = 1_200.0
BUSY = "instances/busy"


async def measure(*, quick: bool) -> list[Figure]:
    """Commands and decisions while boards change and plans run, with Slack's own limits."""
    boards, plans, decisions = (3, 2, 2) if quick else (BOARDS, PLANS, DECISIONS)
    with tempfile.TemporaryDirectory(prefix="bench-busy-") as directory:
        program = await waiting_program(Path(directory), PLAN_LASTS)
        config = {
            **UNLIMITED,
            "environments:\n": f"terraform: {{program: {program}}}\nenvironments:\n{_environments(decisions, plans)}",
            "operations:\n": f"operations:\n  at_once: {{machine: {decisions + plans}}}\n",
        }
        async with World(Options(without_aws=True, config=config, speed=SPEED)) as world:
            await _prepare(world, boards, decisions, plans)
            asking = asyncio.create_task(_ask(world))
            visible = [await _decide(world, number) for number in range(decisions)]
            asking.cancel()
            answered = await asking
    beside = f"{boards} boards, {plans} plans"
    return [
        Figure(
            f"answer to a command beside {beside}, 99 of 100",
            _most(answered, 99),
            " s",
            ANSWERED,
            detail=_middle(answered),
        ),
        Figure(
            f"decision displayed beside {beside}, 95 of 100", _most(visible, 95), " s", VISIBLE, detail=_middle(visible)
        ),
    ]


def _environments(decisions: int, plans: int) -> str:
    """Those whose plan waits for a decision, then those whose plan is at work."""
    written = [ENVIRONMENT.format(number=n, channel=CHANNELS[n % len(CHANNELS)]) for n in range(decisions + plans)]
    busy = [each.replace("instances/drift", BUSY) for each in written[decisions:]]
    return "".join((*written[:decisions], *busy))


async def _prepare(world: World, boards: int, decisions: int, plans: int) -> None:
    repository = world.github.repository(INFRASTRUCTURE)
    code = {"instances/drift/main.tf": CODE, f"{BUSY}/main.tf": CODE, f"{BUSY}/{WAITS}": ""}
    repository.commit("main", code, "Describe machines")
    for number in range(decisions + plans):
        (world.files / "state" / f"env-{number:03}").mkdir()
        await world.person("ana").type("#ops", f"/plan env-{number:03}")
    for _ in range(boards):
        repository.dispatch(
            "build-images.yml", BUILD_SOME, {"machines": "cron", "environments": "dev"}, actor="max-weber"
        )
    for number in range(decisions):
        await _message_of(world, number, approve=True)
    for number in range(decisions, decisions + plans):
        await _message_of(world, number, approve=False)
    async with asyncio.timeout(WITHIN):
        while sum("Build images, run" in each.rendered for each in world.channel("#ops").messages) < boards:  # noqa: ASYNC110  -- of messages of the past too
            await asyncio.sleep(0.5)


async def _message_of(world: World, number: int, *, approve: bool) -> Message:
    """The message of the environment's plan, once it asks for a decision, or does not."""

    def fits(message: Message) -> bool:
        its = message.bot_id and f"Plan for env-{number:03}" in message.rendered and message.thread_ts is None
        return bool(its) and any("Approve" in text for text in message.buttons) is approve

    return await world.channel(CHANNELS[number % len(CHANNELS)]).wait_for(fits, timeout=WITHIN)


async def _decide(world: World, number: int) -> float:
    """Approve the plan; the seconds until its message displays that."""
    await asyncio.sleep(BETWEEN_DECISIONS)
    message = await _message_of(world, number, approve=True)
    began = time.perf_counter()
    clicked = asyncio.create_task(world.person("lee").click(message, "approve"))
    await _message_of(world, number, approve=False)
    seconds = time.perf_counter() - began
    await clicked
    return seconds


async def _ask(world: World) -> list[float]:
    """Until it is cancelled, type commands; the seconds of each answer."""
    url, secret = f"http://127.0.0.1:{world.bot.port}/slack/events", SECRETS["SLACK_SIGNING_SECRET"]
    seconds: list[float] = []
    try:
        while True:
            post = command("/infra status", trigger=f"ask-{len(seconds)}", secret=secret)
            [answer] = await volley(url, [post], at_once=1)
            if answer.status != 200 or not answer.body:
                raise RuntimeError(f"a command was refused: {answer}")
            seconds.append(answer.seconds)
            await asyncio.sleep(BETWEEN_COMMANDS)
    except asyncio.CancelledError:
        return seconds


def _most(seconds: list[float], percent: int) -> float:
    """The least time within which so many of a hundred were."""
    return quantiles(seconds, n=100, method="inclusive")[percent - 1]


def _middle(seconds: list[float]) -> str:
    return f"median {median(seconds):.2f} s of {len(seconds)}, slowest {max(seconds):.2f} s"
