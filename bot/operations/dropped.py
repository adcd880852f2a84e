"""What a poller cannot process: dropped, so that the rest goes on, and reported in the log, as a metric, and to people."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from prometheus_client import Counter

from bot.errors import DatabaseAwayError
from bot.slack.blocks import kit
from bot.slack.web_api import ChatError
from runners.errors import UnavailableError

if TYPE_CHECKING:
    from bot.services import Services
    from bot.slack.blocks.kit import Message

log = logging.getLogger(__name__)
MOST_ATTEMPTS = 5  # at something that fails although everything that it needs answers
# For /metrics, which registers it; by the poller's name.
DROPPED = Counter("signalbox_dropped", "What pollers could not process, and dropped.", ["poller"], registry=None)


def passes(error: BaseException) -> bool:
    """Whether the cause is a system that does not answer: what failed is not at fault and is tried again."""
    return isinstance(error, UnavailableError | DatabaseAwayError) or (isinstance(error, ChatError) and error.transient)


def count(poller: str, what: str, error: BaseException) -> None:
    """Log and count something that nobody waits for."""
    log.error("%s: dropped %s", poller, what, exc_info=error)
    DROPPED.labels(poller).inc()


async def report(services: Services, poller: str, what: str, error: BaseException, *, link: str, then: str) -> None:
    """Log and count it, and post it to `slack.channel`: people expect something of it. `then` says what to do now."""
    count(poller, what, error)
    words = f"{poller}: Signalbox cannot process {what} and goes on without it"
    why = kit.escape(services.redact(str(error))[:300] or type(error).__name__)
    text = f":warning: {kit.escape(poller)}: Signalbox cannot process {kit.link(what, link)} and goes on without it ({why}). {kit.escape(then)}"
    await _post(services, kit.message(kit.escape(words), [kit.section(text)]), f"{poller}: {what}")


async def recovered(services: Services, poller: str, what: str) -> None:
    """Log and post that what was reported works again."""
    log.warning("%s: %s works again", poller, what)
    words = f"{kit.escape(poller)}: {kit.escape(what)} works again"
    await _post(services, kit.message(words, [kit.section(f":white_check_mark: {words}")]), f"{poller}: {what}")


async def _post(services: Services, message: Message, what: str) -> None:
    try:
        channel = await services.chat.channel_id(services.config.slack.channel)
        await services.chat.post(channel, message)
    except ChatError:
        log.exception("%s: nobody could be notified", what)
