"""Answers to a person: what was returned, or why it failed, for any exception."""

from __future__ import annotations

import logging
import secrets
from typing import TYPE_CHECKING, TypeVar

from bot.errors import DatabaseAwayError, UserError
from bot.slack.blocks import replies

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from bot.slack.blocks.kit import Message

log = logging.getLogger(__name__)
T = TypeVar("T")


async def answer_of(work: Callable[[], Awaitable[T]]) -> T | Message:
    """What `work` returns, else the message for the person; the log has what was unexpected."""
    try:
        return await work()
    except UserError as error:
        return replies.refusal(str(error))
    except Exception as error:  # noqa: BLE001  -- for any exception the person gets an answer and the log a traceback
        return apology(error)


def apology(error: Exception) -> Message:
    """The message after an unexpected exception, which is logged under the id that the message has."""
    if isinstance(error, DatabaseAwayError):
        log.error("%s", error)
        return replies.database_away()
    error_id = secrets.token_hex(4)
    log.error("error %s", error_id, exc_info=error)
    return replies.apology(error_id)
