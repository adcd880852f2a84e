"""A second machine of the bot on the same PostgreSQL, and a machine that is gone."""

from __future__ import annotations

import itertools
import os
import signal
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from bot.children import traces
from sandbox.bot_process import BotProcess
from sandbox.ports import free_port
from tests.scenarios.moments import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sandbox.bot_process import Launch
    from sandbox.world import World

OPERATIONS = 'operations:\n  directory: "{files}/var"\n'
KEEPER = "bot.children.keeper"
BEGINS, RECOVERS = "begins ", "was interrupted, recovers "  # in the bot's log


def sharing(database_url: str, lease: str) -> dict[str, Any]:
    """The options of a world whose bot shares its database; `lease` as in the configuration."""
    return {
        "config": {OPERATIONS: f"{OPERATIONS}  lease: {lease}\n"},
        "environment": {"DATABASE_URL": database_url, "SIGNALBOX_EXECUTOR": "a"},
    }


@asynccontextmanager
async def second_machine(
    world: World, launch: Launch, name: str = "b", **environment: str
) -> AsyncIterator[BotProcess]:
    """Another bot with a directory of its own, and these variables. Slack's requests go to the first one."""
    config = world.files / f"signalbox-{name}.yaml"
    config.write_text((world.files / "signalbox.yaml").read_text().replace('/var"', f'/var-{name}"'))
    variables = {**world.bot._environment, "SIGNALBOX_EXECUTOR": name, **environment}
    bot = BotProcess(config, variables, free_port(), world.files / f"bot-{name}.log", launch)
    await bot.start()
    try:
        yield bot
    finally:
        await bot.stop()
        lose(world)


def at_work(*bots: BotProcess) -> tuple[BotProcess, BotProcess]:
    """Who has begun the side effect of the only operation, and who has not: either may take it from the queue."""
    first, second = bots
    return (first, second) if BEGINS in first.log.read_text() else (second, first)


async def recovered(*bots: BotProcess) -> None:
    """Wait until one of them has taken up a side effect that was interrupted."""
    await until(lambda: any(RECOVERS in bot.log.read_text() for bot in bots))


def keepers(world: World) -> list[psutil.Process]:
    """The keepers of the long children of both machines."""
    running = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            opened = [file.path for file in process.open_files()] if KEEPER in " ".join(process.cmdline()) else []
            if any(path.startswith(str(world.files)) for path in opened):
                running.append(process)
    return running


def lose(world: World) -> None:
    """End every keeper, supervisor and long child at once, as the loss of their machine does, and take the traces from its disk."""
    for trace in world.files.glob(f"var*/{traces.DIRECTORY}/*"):
        trace.unlink()
    pids = [process.pid for process in keepers(world)]
    # Unlike a glob, os.walk passes over what the bot deletes meanwhile.
    walks = (os.walk(directory) for directory in world.files.glob("var*/operations"))
    for directory, _, names in itertools.chain.from_iterable(walks):
        if "pid" in names:
            with suppress(FileNotFoundError):
                lines = (Path(directory) / "pid").read_text().splitlines()
                pids += [int(line.split()[0]) for line in lines]
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


async def nobody_keeps(world: World) -> None:
    """Wait until no keeper is left."""
    await until(lambda: not keepers(world))
