"""Retries of calls to Slack: an operation never fails because a message could not be displayed."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

from bot.slack.errors import Verdict
from bot.slack.web_api import ChatError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable

log = logging.getLogger(__name__)
# Seconds between tries: about ten minutes in all, then the operation continues without the message.
RETRY_DELAYS = (1, 2, 5, 10, 20, 30, 60, 60, 120, 120, 180)
UNKNOWN_TRIES = 3  # of a code that this version does not know: it may pass, or never


async def with_retries(
    call: Callable[[], Coroutine[Any, Any, object]], delays: Iterable[float] = RETRY_DELAYS
) -> ChatError | None:
    """Call Slack, with retries of what passes by itself. What it does not take is logged and returned."""
    error: ChatError | None = None
    for attempt, delay in enumerate(delays, start=1):
        try:
            await call()
        except ChatError as refused:
            error = refused
            if not _worth_another(error, attempt):
                log.error("Slack refuses a message: %s", error)  # noqa: TRY400  -- no traceback helps here
                return error
            log.warning("%s; trying again in %s s", error, delay)
            await asyncio.sleep(delay)
        else:
            return None
    log.error("giving up on a message to Slack: %s", error)
    return error


def _worth_another(error: ChatError, attempt: int) -> bool:
    return error.transient or (error.verdict is Verdict.UNKNOWN and attempt < UNKNOWN_TRIES)
