"""Retries of calls to Slack: an operation never fails because a message could not be displayed."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

from bot.slack.web_api import ChatError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable

log = logging.getLogger(__name__)
# Seconds between tries: about ten minutes in all, then the operation continues without the message.
RETRY_DELAYS = (1, 2, 5, 10, 20, 30, 60, 60, 120, 120, 180)


async def with_retries(call: Callable[[], Coroutine[Any, Any, object]], delays: Iterable[float] = RETRY_DELAYS) -> None:
    """Call Slack, with retries while it cannot be reached. What it refuses is logged."""
    for delay in delays:
        try:
            await call()
        except ChatError as error:
            if not error.transient:
                log.error("Slack refuses this message: %s", error)  # noqa: TRY400  -- no traceback helps here
                return
            log.warning("%s; trying again in %s s", error, delay)
            await asyncio.sleep(delay)
        else:
            return
    log.error("giving up on a message to Slack")
