"""What operations that are over left behind: artifacts in the store, directories on this machine. Deleted at the start and daily.

Usually there is nothing: an operation deletes its own at its end. A process that died then, a store that did not answer, or a machine
on which an operation did not continue leave something.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from bot.errors import DatabaseAwayError
from runners.errors import RunnerError
from runners.processes.scratch import wipe

if TYPE_CHECKING:
    from pathlib import Path

    from bot.services import Services

log = logging.getLogger(__name__)
INTERVAL = 86_400.0  # seconds


async def discard(services: Services, number: int) -> None:
    """Delete what an operation that is over has stored: artifacts, its children's output, its directory and its slot on this machine."""
    scratch = services.workplace / "operations" / str(number)
    services.room.leave(number)
    await asyncio.gather(services.artifacts.delete(number), services.children.forget(number), delete_scratch(scratch))


async def delete_scratch(directory: Path) -> None:
    """Delete an operation's directory. What a running child still uses is deleted at the bot's next start."""
    try:
        await wipe(directory)
    except RunnerError as error:
        log.warning("%s", error)


async def delete_directories(services: Services, *, unnamed: bool) -> None:
    """Delete the directories of operations that are over: they may hold secrets.

    With `unnamed` those too that belong to no operation: only at the start, when nothing uses them yet.
    """
    directory = services.workplace / "operations"
    # Listed before the numbers are read: an operation that another process begins meanwhile is not taken for unknown.
    scratches = list(directory.iterdir()) if directory.is_dir() else []
    open_numbers = await services.operations.open_numbers()
    for scratch in scratches:
        over = int(scratch.name) not in open_numbers if scratch.name.isdigit() else unnamed
        if over:
            await delete_scratch(scratch)
    if unnamed:
        await services.children.sweep(open_numbers)


async def sweep(services: Services) -> None:
    """Delete the artifacts and directories of all operations that are over; what cannot be deleted is logged."""
    try:
        await services.artifacts.sweep(services.operations.open_numbers)
        await delete_directories(services, unnamed=False)
    except (RunnerError, DatabaseAwayError) as error:
        log.warning("what operations left behind stays until the next sweep: %s", services.redact(str(error)))


class DailySweep:
    """Sweeps now and once a day, until it is closed. Every process does: each has a directory of its own."""

    def __init__(self, services: Services, interval: float = INTERVAL) -> None:
        self._services, self._interval = services, interval
        self._task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        while True:
            await sweep(self._services)
            await asyncio.sleep(self._interval)

    async def close(self) -> None:
        """Stop sweeping."""
        self._task.cancel()
        await asyncio.wait({self._task})
