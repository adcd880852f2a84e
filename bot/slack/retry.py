"""Patience with Slack: an operation never fails because a message could not be shown."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

from bot.slack.client import ChatError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable

log = logging.getLogger(__name__)
# While Slack cannot be reached a message is tried again for about ten minutes, then the operation goes on without.
PATIENCE = (1, 2, 5, 10, 20, 30, 60, 60, 120, 120, 180)


async def patiently(call: Callable[[], Coroutine[Any, Any, None]], waits: Iterable[float] = PATIENCE) -> None:
    """Call Slack, again and again while it cannot be reached; an operation never fails because Slack did."""
    for wait in waits:
        try:
            return await call()
        except ChatError as error:
            if not error.transient:
                log.error("Slack does not take this message: %s", error)  # noqa: TRY400  -- no traceback helps here
                return None
            log.warning("%s; trying again in %s s", error, wait)
            await asyncio.sleep(wait)
    log.error("giving up on a message to Slack")
    return None
