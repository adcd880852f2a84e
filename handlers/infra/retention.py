"""Retention: what ended operations needed is deleted after a time. The record, the audit log and provenance stay.

Each batch first deletes the rows of Signalbox, then those of the engine: a process that is killed in between leaves
workflows that have ended, and the next round finds them again.
"""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta
from typing import TYPE_CHECKING

from bot.engine.ended_workflows import delete_ended, list_ended
from bot.operations.registry import PeriodicTask

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from bot.config import Config
    from bot.engine.workflow_names import EndedWorkflow
    from bot.operations.registry import DueRun
    from bot.services import Services
    from bot.store.retention import Retention

log = logging.getLogger(__name__)
INTERVAL = timedelta(hours=1)
BATCH = 100  # workflows; SQLite's only writer is busy with them for some milliseconds
PAUSE = 0.05  # seconds between two batches, for others who write
MOST_BATCHES = 600  # in a round
AGAIN = timedelta(seconds=30)  # until the next round, where this one did not delete everything


async def collect(services: Services, run: DueRun) -> timedelta | None:
    """Delete what is older than the configured retention, unless another process makes this round."""
    retention = services.retention
    if not await retention.claim(run.due_at):
        return None
    before = services.clock() - services.config.operations.retention.total_seconds()
    deleted, skipped = 0, 0
    for _ in range(MOST_BATCHES):
        listed = await list_ended(before, limit=BATCH, skip=skipped)
        over = await _delete(retention, listed, before)
        deleted, skipped = deleted + over, skipped + len(listed) - over
        if len(listed) < BATCH:
            break
        await asyncio.sleep(PAUSE)
    await retention.delete_unused(before)
    if deleted:
        log.info("deleted the rows of %d workflows that ended long ago", deleted)
    return AGAIN if len(listed) == BATCH else None


async def _delete(retention: Retention, listed: Collection[EndedWorkflow], before: float) -> int:
    """Delete those of these workflows that nothing needs any more; how many."""
    numbers = frozenset(each.number for each in listed if each.number is not None)
    keys = frozenset(each.key for each in listed if each.key is not None)
    needed = await retention.needed(numbers, keys, before)
    over = [each for each in listed if each.number not in needed.numbers and each.key not in needed.keys]
    if over:
        begun = await retention.numbers_of([each.key for each in over if each.key is not None])
        await retention.delete_working_rows((numbers | begun) - needed.numbers)
        await delete_ended(over)
    return len(over)


def _intervals(_: Config) -> Mapping[str, timedelta]:
    return {"database": INTERVAL}


PERIODIC_TASKS = (PeriodicTask("retention", _intervals, collect),)
