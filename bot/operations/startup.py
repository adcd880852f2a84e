"""What a process does with the operations that are open when it starts."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

from bot.engine.versions import APPLICATION_VERSION
from bot.operations import attendance
from bot.operations.audit_copies import AuditCopies
from bot.operations.delivery import Delivery
from bot.operations.unfinished import UnfinishedWatch
from bot.operations.unserved import UnservedWatch
from bot.store.audit import CONFIGURATION, Entry

if TYPE_CHECKING:
    from contextlib import AsyncExitStack

    from bot.operations.spreading import Spreading
    from bot.services import Services


async def record_start(services: Services) -> None:
    """Record in the audit log which configuration this process has loaded: the SHA-256 of the file, where it runs."""
    worker, host = services.lease.lease.executor, socket.gethostname()
    detail = {"digest": services.config.digest, "worker": worker, "host": host, "version": APPLICATION_VERSION}
    await services.audit.record(Entry("signalbox", CONFIGURATION, detail=detail))


async def watch_open(services: Services) -> UnfinishedWatch:
    """Check each open approval, and end what nobody continues, now and later (see unfinished.py)."""
    await check_approvals(services)
    return UnfinishedWatch(services)


async def check_approvals(services: Services) -> None:
    """Make every operation check its approval now: the wake-up of a decision may have been lost with the process."""
    for number in await services.operations.numbers_awaiting_approval():
        await services.engine.wake(number)


async def display_open(stack: AsyncExitStack, services: Services, spreading: Spreading) -> None:
    """Deliver what Slack has not taken yet, and draw the queues, until the stack closes."""
    delivery = Delivery(services)
    delivery.start()
    stack.push_async_callback(delivery.close)
    stack.push_async_callback(AuditCopies(services).close)
    stack.push_async_callback(services.queue_display.close)
    stack.push_async_callback(services.command_answers.close)
    if services.lease.shared_database or attendance.unserved(services.config, await services.lease.workers.all()):
        stack.push_async_callback(UnservedWatch(services, spreading).close)  # else one process takes everything
    for environment in await services.operations.queues():
        services.queue_display.changed(services, environment)
