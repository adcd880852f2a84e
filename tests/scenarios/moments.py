"""Stops the bot at chosen moments: at a call to Slack or GitHub, at a row of its database, with all that it started."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import sys
from contextlib import closing, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import psutil

from sandbox import waiting
from sandbox.bot_process import PROJECT
from sandbox.exchanges import DropConnectionError, Exchange
from sandbox.ports import free_port
from sandbox.slack.errors import ApiError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sandbox.exchanges import Hook
    from sandbox.slack.backend import ApiCall
    from sandbox.world import World

Phase = Literal["before", "after"]
NOT_TAKEN = "service_unavailable"  # what Slack answered to the dead where the call took no effect
_ROWS = (  # to the fourth power: a walk through them takes hours
    "CREATE TABLE IF NOT EXISTS many AS "
    "WITH RECURSIVE one(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM one WHERE n < 1000) SELECT n FROM one"
)
_HELD = 0.4  # seconds of the bot's processor time: no transaction takes that long, unless it was made to


@dataclass
class Death:
    """A kill that is set up. `wait` returns once it happened."""

    happened: asyncio.Event = field(default_factory=asyncio.Event)
    begun: bool = False

    async def wait(self, timeout: float = 60) -> None:
        await waiting.within(timeout, self.happened.wait())

    async def kill(self, world: World) -> None:
        self.begun = True
        await world.bot.kill()
        self.happened.set()


def dies_at_slack(world: World, method: str, phase: Phase, fits: Callable[[ApiCall], bool] = lambda _: True) -> Death:
    """SIGKILL at the next call that fits: `before` Slack took it (and it never does), or `after`, before the answer."""
    death = Death()

    async def hook(call: ApiCall) -> None:
        if death.begun or (call.method, call.phase) != (method, phase) or not fits(call):
            return
        await death.kill(world)
        if phase == "before":
            raise ApiError(NOT_TAKEN)

    world.slack.on_call.append(hook)
    return death


def says(piece: str) -> Callable[[ApiCall], bool]:
    """Calls whose message says this in its one line."""
    return lambda call: piece in str(call.arguments.get("text", ""))


def dies_at_github(world: World, method: str, path_end: str, phase: Phase) -> Death:
    """As `dies_at_slack`, at a request to GitHub."""
    return _dies_at_request(world, world.github.on_request, method, path_end, phase)


def dies_at_hcp(world: World, method: str, path_end: str, phase: Phase) -> Death:
    """As `dies_at_slack`, at a request to HCP Terraform."""
    return _dies_at_request(world, world.hcp.on_request, method, path_end, phase)


def _dies_at_request(world: World, hooks: list[Hook], method: str, path_end: str, phase: Phase) -> Death:
    death = Death()

    async def hook(exchange: Exchange) -> None:
        at = exchange.method == method and exchange.path.endswith(path_end) and exchange.phase == phase
        if death.begun or not at:
            return
        await death.kill(world)
        if phase == "before":
            raise DropConnectionError

    hooks.append(hook)
    return death


def database(world: World) -> Path:
    """The bot's database."""
    return world.files / "var" / "signalbox.sqlite"


def stops_at_row(world: World, table: str, condition: str) -> None:
    """Let the bot's next insert of such a row last for hours, within its transaction: it dies there, or never leaves."""
    with closing(sqlite3.connect(database(world), timeout=30)) as connection, connection:
        connection.execute(_ROWS)
        walk = "SELECT count(*) FROM many a, many b, many c, many d;"
        connection.execute(f"CREATE TRIGGER stop BEFORE INSERT ON {table} WHEN {condition} BEGIN {walk} END")


async def killed_at_row(world: World, timeout: float = 60, unless: Callable[[], bool] = lambda: False) -> bool:
    """Wait until the bot stands at that row, and kill it there: the row is not written, all before it is.

    True when `unless` held first: then it lives.
    """
    if not await waiting.within(timeout, _reaches_row(world, unless)):
        return True
    await world.bot.kill()
    _no_stop(world)
    return False


async def _reaches_row(world: World, unless: Callable[[], bool]) -> bool:
    bot = psutil.Process(world.bot.pid)
    since = _used(bot)
    while _used(bot) < since + _HELD:
        await asyncio.sleep(0.02)
        if not _is_held(world):
            since = _used(bot)
            if unless():
                return False
    return True


def _used(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _no_stop(world: World) -> None:
    with closing(sqlite3.connect(database(world), timeout=30)) as connection, connection:
        connection.execute("DROP TRIGGER stop")


def _is_held(world: World) -> bool:
    with closing(sqlite3.connect(database(world), timeout=0, isolation_level=None)) as connection:
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            return True
        connection.execute("ROLLBACK")
        return False


def rows(world: World, query: str) -> list[tuple[object, ...]]:
    """What the bot's database says."""
    with closing(sqlite3.connect(database(world), timeout=30)) as connection:
        return connection.execute(query).fetchall()


def processes_of(world: World) -> list[psutil.Process]:
    """Whatever works for this world's bot, itself excepted, however far it has gone from it."""
    return [item for item in psutil.process_iter() if item.pid != os.getpid() and is_of(world, item)]


def is_of(world: World, process: psutil.Process) -> bool:
    """Whether the process works for this world's bot, and is not the bot."""
    with suppress(psutil.Error):
        rendered = [*process.cmdline(), *process.environ().values()]
        return "bot" not in process.cmdline()[2:3] and any(str(world.files) in text for text in rendered)
    return False


async def machine_is_lost(world: World) -> None:
    """End the bot and all that it started in one moment, so that none can note the others' end."""
    stopped: dict[int, psutil.Process] = {world.bot.pid: psutil.Process(world.bot.pid)}
    stopped[world.bot.pid].suspend()
    while new := [item for item in processes_of(world) if item.pid not in stopped]:
        for item in new:
            stopped[item.pid] = item
            with suppress(psutil.NoSuchProcess):
                item.suspend()
    for item in stopped.values():
        with suppress(psutil.NoSuchProcess):
            item.send_signal(signal.SIGKILL)
    await world.bot.wait_until_dead()
    await until(lambda: not processes_of(world))


async def until(holds: Callable[[], object], timeout: float = 60) -> None:
    """Wait until it holds."""
    await waiting.until(holds, timeout)


async def suspended(world: World, command: str, timeout: float = 60) -> psutil.Process:
    """Terraform at this command of its, stopped in the middle."""
    return await waiting.within(timeout, _suspended(world, command))


async def _suspended(world: World, command: str) -> psutil.Process:
    while True:
        for item in processes_of(world):
            with suppress(psutil.Error):
                if command in item.cmdline()[1:4]:
                    item.suspend()
                    return item
        await asyncio.sleep(0.01)


async def second_bot(world: World) -> tuple[int | None, str]:
    """Start another bot on the same configuration: its exit code, and what it said."""
    first = world.bot
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot", "serve", "--config", str(first._config)),
        cwd=PROJECT,
        env={**first._environment, "PORT": str(free_port())},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    rendered, _ = await waiting.within(60, child.communicate())
    return child.returncode, rendered.decode()
