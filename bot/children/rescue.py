"""Rescues long children of this machine whose keeper died alone: they get another one.

Without its keeper a program is stopped by its supervisor, which leaves the exit code on this machine. The new keeper holds
the lease until then, and stores the rest of the output and the end, so that everybody reads what really happened.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from bot.children import traces
from bot.children.following import start_keeper
from bot.errors import DatabaseAwayError, ForgedError

if TYPE_CHECKING:
    from pathlib import Path

    from bot.children.keeping import Keeping
    from bot.children.traces import Trace

log = logging.getLogger(__name__)
INTERVAL = 1.0  # seconds between two looks, which cost nothing while no keeper runs


class Rescue:
    """The task that looks for keepers that died; there is nothing to do with SQLite, where there are no keepers."""

    def __init__(self, keeping: Keeping) -> None:
        self._keeping = keeping
        self._task = asyncio.create_task(self._watch(), name="rescue")

    async def close(self) -> None:
        """Stop."""
        self._task.cancel()
        await asyncio.wait({self._task})

    async def _watch(self) -> None:
        while self._keeping.rows is not None:
            try:
                await self.look()
            except (DatabaseAwayError, ForgedError, OSError) as error:
                log.warning("keepers of programs: %s", error)
            except Exception:
                log.exception("whether keepers of programs are gone cannot be checked now")
            await asyncio.sleep(INTERVAL)

    async def look(self) -> None:
        """Give each child without a keeper another one, and remove the traces of those that are over."""
        directory = self._keeping.holder.traces
        if directory is None:
            return
        for path, trace in (await asyncio.to_thread(traces.without_keeper, directory)).items():
            await self._rescue(path, trace)

    async def _rescue(self, path: Path, trace: Trace) -> None:
        keeping = self._keeping
        if keeping.rows is None:
            return
        row = await keeping.rows.find(trace.operation, trace.name)
        if row is None or row.keeper != trace.keeper or row.over:
            path.unlink(missing_ok=True)
        elif row.started:  # else its keeper is about to start it, or never does: then the claim runs out
            log.error("operation %s: the keeper of %s is gone; another one takes over", trace.operation, trace.name)
            answer = await start_keeper(keeping.rescuer(row, path, trace))
            if not answer.started:
                log.warning("operation %s: %s has no other keeper: %s", trace.operation, trace.name, answer.problem)
