"""Four workers beside one: plans a minute, each waiting for a provider most of its time."""

from __future__ import annotations

import asyncio
import os
import resource
import shlex
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path

import psycopg

from runners import terraform
from sandbox.github.seed import INFRASTRUCTURE
from sandbox.postgres_server import initdb
from sandbox.world import SECRETS, Options, World
from tests.bench.drift_round import CODE, ENVIRONMENT, make_states
from tests.bench.figures import Figure
from tests.bench.posts import command, volley
from tests.postgres_server import running_postgres

WORKERS = 4
TARGET = 3.2  # times as many
CHANNELS = ("#dev", "#staging", "#prod", "#ops")  # a channel takes a message a second
# As a plan that waits for the answers of a provider: two cores have no room for four that compute.
_PROGRAM = """#!/bin/sh
[ "$1" = plan ] && [ -e {waits} ] && sleep {seconds}
exec {command} "$@"
"""
WAITS = "waits"  # a file beside the code of which a plan waits
_STATUSES = "SELECT status, count(*) FROM signalbox_operations WHERE kind = 'plan' GROUP BY status"
_WITHIN = 1_500.0  # seconds


async def measure(*, quick: bool) -> list[Figure]:
    """The same plans by one process and by four; each process is a machine with room for one run."""
    if not initdb():
        return []
    plans, seconds = (4, 2) if quick else (8, 30)
    with tempfile.TemporaryDirectory(prefix="bench-spread-") as directory, running_postgres() as server:
        program = await waiting_program(Path(directory), seconds)
        alone = await _rate(Options(environment={"DATABASE_URL": server.new_database()}), program, plans)
        together = await _rate(Options(workers=WORKERS - 1), program, plans)
    detail = (
        f"{plans} plans that wait {seconds} s each; {together.rate:.1f} and {alone.rate:.1f} a minute, "
        f"{together.processor:.1f} and {alone.processor:.1f} s of processor time each, with the start"
    )
    what = f"plans a minute by {WORKERS} workers, beside one"
    return [Figure(what, together.rate / alone.rate, "", TARGET, more_is_better=True, detail=detail)]


async def waiting_program(directory: Path, seconds: int) -> Path:
    """A terraform that waits so long before it plans code with the file WAITS."""
    real = await terraform.find_program(None, os.environ.get("PATH", os.defpath))
    program = directory / "terraform"
    program.write_text(_PROGRAM.format(waits=WAITS, seconds=seconds, command=shlex.join(real.command)))
    program.chmod(0o755)
    directory.chmod(0o755)
    return program


@dataclass(frozen=True, slots=True)
class Work:
    """Plans a minute from the first request until the last end, and the processor seconds of each in bots and their children."""

    rate: float
    processor: float


async def _rate(options: Options, program: Path, plans: int) -> Work:
    before = _processor()
    environments = "".join(
        ENVIRONMENT.format(number=number, channel=CHANNELS[number % len(CHANNELS)]) for number in range(plans)
    )
    config = {
        "environments:\n": f"terraform: {{program: {program}}}\nenvironments:\n{environments}",
        "operations:\n": "operations:\n  at_once: {machine: 1}\n",
    }
    async with World(replace(options, without_aws=True, config=config)) as world:
        await make_states(world.files, plans)
        world.github.repository(INFRASTRUCTURE).commit(
            "main", {"instances/drift/main.tf": CODE, f"instances/drift/{WAITS}": ""}, "Describe machines"
        )
        secret = SECRETS["SLACK_SIGNING_SECRET"]
        posts = [command(f"/plan env-{n:03}", trigger=f"plan-{n}", secret=secret) for n in range(plans)]
        began = time.monotonic()
        answers = await volley(f"http://127.0.0.1:{world.bot.port}/slack/events", posts, at_once=plans)
        if refused := [answer for answer in answers if answer.status != 200 or answer.body]:
            raise RuntimeError(f"{len(refused)} plans were refused: {refused[0]}")
        await _planned(world, plans)
        rate = plans / (time.monotonic() - began) * 60
    return Work(rate, (_processor() - before) / plans)


def _processor() -> float:
    """The processor seconds of the children that have ended, with theirs."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


async def _planned(world: World, plans: int) -> None:
    """Wait until all plans have ended. Raises RuntimeError if one of them failed."""
    url = world.bot._environment["DATABASE_URL"]
    async with asyncio.timeout(_WITHIN), await psycopg.AsyncConnection.connect(url, autocommit=True) as database:
        while True:
            counts: dict[str, int] = dict(await (await database.execute(_STATUSES)).fetchall())
            if counts.keys() - {"waiting", "running", "succeeded"}:
                raise RuntimeError(f"plans did not succeed: this measures nothing: {counts}")
            if counts.get("succeeded") == plans:
                return
            await asyncio.sleep(0.1)
