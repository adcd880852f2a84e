"""The machine that the bot runs on is lost in the middle of an apply: said, with what the state holds; nothing twice."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from sandbox.stories._acting import announce, clicks, expect, shows, types, until
from sandbox.stories._infrastructure import slow_network
from sandbox.world import Options

if TYPE_CHECKING:
    from sandbox.world import World

SUMMARY = "the bot and all it started are killed in the middle of an apply: it says so, and a new plan shows the rest"
CHANNELS = ("#staging",)
OPTIONS = Options(without_aws=True)


async def play(world: World) -> None:
    """Act it out."""
    network = slow_network(world)
    await types(world, "ana", "#staging", "/plan staging")
    ask = await shows(world, "#staging", "3 to replace", "Waiting for approval")
    await clicks(world, "lee", ask, "approve")
    await network.under_way()
    announce("the bot, terraform and all else on its machine are killed")
    await _machine_is_lost(world)
    network.let_up()
    announce("the bot is started again")
    await world.bot.start()
    ended = await shows(world, "#staging", "#1", "interrupted during the apply", "The state now holds")
    held = ended.rendered.partition("The state now holds")[2].splitlines()[0]
    expect(
        "sftp" in held and "backend" not in held, f"the machines are gone, and yet it says that the state holds {held}"
    )
    expect(network.machines == 0, "the apply was started again by itself")
    expect(ended.buttons == ["New plan"], f"it has the buttons {ended.buttons}")

    await clicks(world, "ana", ended, "New plan")
    rest = await shows(world, "#staging", "#2", "to create", "Waiting for approval")
    expect("to replace" not in rest.rendered, "the new plan wants to do again what was done")
    await clicks(world, "lee", rest, "approve")
    await shows(world, "#staging", "#2", "applied")
    expect(network.machines == 3, f"{network.machines} machines were started, each of 3 once")


async def _machine_is_lost(world: World) -> None:
    # All are stopped before any is killed, so that none can report another's end.
    stopped: set[int] = {world.bot.pid}
    os.kill(world.bot.pid, signal.SIGSTOP)
    while new := _processes_of(world) - stopped:
        stopped |= new
        _signal(new, signal.SIGSTOP)
    _signal(stopped, signal.SIGKILL)
    await world.bot.wait_until_dead()
    await until(lambda: not _processes_of(world), "something that the bot started outlived SIGKILL")


def _signal(processes: set[int], number: signal.Signals) -> None:
    for process in processes:
        with suppress(ProcessLookupError):
            os.kill(process, number)


def _processes_of(world: World) -> set[int]:
    """Whatever has the sandbox's own directory among its arguments or in its environment, however it was started."""
    return {int(process.name) for process in Path("/proc").glob("[0-9]*") if _is_of(process, os.fsencode(world.files))}


def _is_of(process: Path, directory: bytes) -> bool:
    with suppress(OSError):  # it has ended meanwhile, or is somebody else's
        return any(directory in (process / file).read_bytes() for file in ("cmdline", "environ"))
    return False
