"""Drift checks of 200 environments: how long a round takes at the cap of the machine, and the memory of all processes."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import tempfile
import time
from contextlib import closing, suppress
from pathlib import Path

import psutil

from bot.process.capacity import default_runs
from runners import terraform
from sandbox.github.seed import INFRASTRUCTURE
from sandbox.world import Options, World
from tests.bench.figures import Figure

ENVIRONMENTS, FEW = 200, 6
HOUR, MEMORY = 3_600.0, 4_096.0  # limits: seconds, megabytes
MACHINES = 20  # resources of each environment
DATABASE = "signalbox.sqlite"
CODE = f"""terraform {{
  backend "local" {{}}
}}

resource "terraform_data" "machine" {{
  count = {MACHINES}
  input = "machine ${{count.index}}"
}}
"""
ENVIRONMENT = """  env-{number:03}:
    channel: "{channel}"
    deploy:
      github_actions: {{workflow: deploy-dev.yml, ref: main}}
    terraform:
      directory: instances/drift
      backend_config: {{path: "{{files}}/state/env-{number:03}/terraform.tfstate"}}
    isolation: {{writable: []}}
"""
_ENDED = "SELECT count(DISTINCT environment) FROM signalbox_operations WHERE kind = 'drift' AND ended_at IS NOT NULL"
_FAILED = "SELECT count(*) FROM signalbox_operations WHERE kind = 'drift' AND status NOT IN ('succeeded', 'waiting', 'running')"


async def measure(*, quick: bool) -> list[Figure]:
    """All environments are due within a minute of the start: more at once than an hour would bring."""
    count = FEW if quick else ENVIRONMENTS
    environments = "".join(ENVIRONMENT.format(number=number, channel="#dev") for number in range(count))
    watch = "watch:\n  drift: {every: 1m}\n"
    config = {"environments:\n": f"environments:\n{environments}", "operations:\n": f"{watch}operations:\n"}
    # The sandbox's own environments, which are larger, are no part of the round.
    async with World(Options(without_aws=True, config=config)) as world:
        await make_states(world.files, count)
        world.github.repository(INFRASTRUCTURE).commit("main", {"instances/drift/main.tf": CODE}, "Describe machines")
        began = time.monotonic()
        peak = asyncio.create_task(_peak(world.bot.pid))
        database = world.files / "var" / DATABASE
        try:
            while _number(database, _ENDED) < count:  # noqa: ASYNC110  -- the bot is another process
                await asyncio.sleep(0.5)
        finally:
            peak.cancel()
        seconds = time.monotonic() - began
        if wrong := _number(database, _FAILED):
            raise RuntimeError(f"{wrong} drift checks failed: this measures nothing")
        memory, children = await peak
    at_once, per_hour = default_runs(), seconds / count * ENVIRONMENTS
    detail = f"{count} environments took {seconds:.0f} s, {at_once} at once"
    parts = f"the bot and at most {children} processes of its children, shared pages counted for each"
    return [
        Figure(f"drift checks of {ENVIRONMENTS} environments", per_hour, " s", HOUR, detail=detail),
        Figure("peak of resident memory meanwhile", memory, " MB", MEMORY, detail=parts),
    ]


async def make_states(files: Path, count: int) -> None:
    """Make the states of all environments, by one apply: then a check finds no drift, as on most days."""
    program = await terraform.find_program(None, os.environ.get("PATH", os.defpath))
    with tempfile.TemporaryDirectory(prefix="drift-round-") as directory:
        (Path(directory) / "main.tf").write_text(CODE)
        for arguments in (("init",), ("apply", "-auto-approve")):
            child = await asyncio.create_subprocess_exec(
                *program.command,
                *arguments,
                "-input=false",
                cwd=directory,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.DEVNULL,
            )
            if await child.wait():
                raise RuntimeError(f"terraform {arguments[0]} ended with {child.returncode}")
        state = (Path(directory) / "terraform.tfstate").read_bytes()
    for number in range(count):
        path = files / "state" / f"env-{number:03}" / "terraform.tfstate"
        path.parent.mkdir(parents=True)
        path.write_bytes(state)


async def _peak(pid: int) -> tuple[float, int]:
    """Until it is cancelled: the most megabytes of the bot with all its descendants, and the most of these."""
    bot, most, children = psutil.Process(pid), 0.0, 0
    try:
        while True:
            memory, running = 0, [bot, *bot.children(recursive=True)]
            for process in running:
                with suppress(psutil.Error):
                    memory += process.memory_info().rss
            most, children = max(most, memory / 1e6), max(children, len(running) - 1)
            await asyncio.sleep(0.1)
    except asyncio.CancelledError:
        return most, children


def _number(database: Path, query: str) -> int:
    with closing(sqlite3.connect(database)) as connection:
        return int(connection.execute(query).fetchone()[0])
