"""Reports, in an operation's message, that the worker with its running program does not answer."""

from __future__ import annotations

import asyncio
import logging
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from bot.errors import DatabaseAwayError
from bot.slack.blocks import kit
from runners.concurrency import stop_tasks

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bot.operations.operation import Operation
    from bot.slack.live import LiveMessage
    from bot.store.children import ChildRow

log = logging.getLogger(__name__)
INTERVAL = 5.0  # seconds between checks; a shorter lease is checked more often
CHECKS = 8  # of a lease, at least
ROUNDED = 10  # seconds: the message changes no more often


@asynccontextmanager
async def live_with_note(operation: Operation) -> AsyncIterator[LiveMessage]:
    """The operation's live message, which has a note while the worker of a long child does not answer."""
    async with operation.live() as live:
        checking = asyncio.create_task(_check(operation, live))
        try:
            yield live
        finally:
            await stop_tasks([checking])


def unanswered_note(row: ChildRow, cancelled_by: str = "") -> str:
    """The note about a silent worker, as mrkdwn; `cancelled_by` is who pressed Cancel meanwhile (a mention)."""
    seconds = int(row.unanswered / ROUNDED) * ROUNDED or int(row.unanswered)
    worker = f"Worker {kit.code(row.executor)} on {kit.code(row.host)} has not answered for {seconds} s."
    waiting = f"Waiting until {kit.time_of_day(row.lease_until)} before this is reported as interrupted and the queue continues."
    cancel = f" {cancelled_by} cancelled it: the worker stops it when it answers, and at that time it is stopped in any case."
    return f":hourglass: {worker} {waiting}{cancel if cancelled_by else ''}"


async def _check(operation: Operation, live: LiveMessage) -> None:
    children, records = operation.services.children, operation.services.operations
    interval = min(INTERVAL, children.holder.lease / CHECKS)
    while children.rows is not None:
        try:
            row = await children.silent(operation.number)
            person = await records.cancel_requested(operation.number) if row else None
            live.note(unanswered_note(row, kit.user(person) if person else "") if row else "")
        except DatabaseAwayError as error:
            log.info("operation %s: whether its worker answers: %s", operation.number, error)
        await asyncio.sleep(interval)
