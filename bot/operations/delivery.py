"""Delivers what Slack has not taken: decisions first, then in order of age, for as long as it takes, also after a restart."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import TYPE_CHECKING

from bot.errors import DatabaseAwayError, ForgedError
from bot.operations import notices, outgoing
from bot.operations.posting import attach_file, display, is_outage, post_in_thread
from bot.slack.blocks import common
from bot.slack.pacing import Lane
from bot.slack.retry import with_retries
from runners.concurrency import stop_tasks

if TYPE_CHECKING:
    from bot.services import Services
    from bot.slack.web_api import ChatError
    from bot.store.outbox import Undelivered

log = logging.getLogger(__name__)
POLL_INTERVAL = 5.0  # seconds; what this process stores is delivered at once
CLAIM = 180.0  # seconds for which one process has a message; longer than a call with its retries
PAUSES = (5.0, 10.0, 20.0, 40.0, 60.0)  # seconds after each failed attempt; the last one again and again
REFUSED_PAUSE = 3_600.0  # seconds, where Slack refuses a message for a reason that does not pass by itself
ONCE = (0.0,)


class Delivery:
    """The task that delivers; each process has one, and a message is claimed by one of them."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Deliver in the background until `close`."""
        self._task = asyncio.create_task(self._run(), name="delivery")

    async def close(self) -> None:
        """Stop; what is undelivered is stored."""
        await stop_tasks(filter(None, [self._task]))

    async def _run(self) -> None:
        changed = self._services.outbox.changed
        while True:
            changed.clear()
            try:
                await self.deliver_due()
            except (DatabaseAwayError, ForgedError) as error:
                log.warning("delivery of messages: %s", error)
            except Exception:
                log.exception("delivery of messages")
            with suppress(TimeoutError):
                await asyncio.wait_for(changed.wait(), POLL_INTERVAL)

    async def deliver_due(self) -> None:
        """Deliver what is due, until nothing is or Slack does not take it."""
        outbox = self._services.outbox
        while item := await outbox.claim(CLAIM):
            if held := await notices.held_for(self._services, item.name):
                await outbox.failed(item, "", held)
                continue
            refused = await self._deliver(item)
            if refused is None:
                await outbox.delivered(item)
                await outbox.due_now(PAUSES[-1])
                log.info("operation %s: delivered its %s", item.operation, item.name)
                continue
            waits = is_outage(refused)
            pause = PAUSES[min(item.attempts, len(PAUSES) - 1)] if waits else REFUSED_PAUSE
            log.warning("operation %s: its %s is not delivered: %s", item.operation, item.name, refused)
            await outbox.failed(item, str(refused), pause)
            if waits:
                return

    async def _deliver(self, item: Undelivered) -> ChatError | None:
        services = self._services
        if item.name == outgoing.MESSAGE:
            message = outgoing.message_of(item.content)
            return await display(services, item.operation, message, Lane.DECISION, ONCE)
        record = await services.operations.get(item.operation)
        if item.name.startswith(outgoing.THREAD):
            name, message = item.name.removeprefix(outgoing.THREAD), outgoing.message_of(item.content)
            return await with_retries(lambda: post_in_thread(services, record, name, message), ONCE)
        if item.name.startswith((outgoing.NOTICE, outgoing.BROADCAST, outgoing.REPORT, outgoing.DIRECT)):
            return await with_retries(lambda: notices.post(services, record, item.name, item.content), ONCE)
        file = outgoing.file_of(item.content)
        refused = await with_retries(lambda: attach_file(services, record, file), ONCE)
        if refused is None or is_outage(refused):
            return refused
        missing = common.not_attached(file.title, refused.code)
        return await with_retries(lambda: post_in_thread(services, record, f"no {file.filename}", missing), ONCE)
