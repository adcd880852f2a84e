"""How many connections the process can afford: descriptors are kept back for its own work."""

from __future__ import annotations

import logging
import resource
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bot.inbound.limited_log import LimitedLog

if TYPE_CHECKING:
    import asyncio

log = logging.getLogger(__name__)
# Children inherit the limit, and some programs walk through all descriptors that they might have.
DESCRIPTORS = 8192
MOST_CONNECTIONS = 1024
BACKLOG = 1024  # a burst of commands fits into it; aiohttp's own 128 is soon full
ACCEPT_ERROR = "socket.accept() out of system resource"  # asyncio/selector_events.py


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of all connections. Times are in seconds.

    `by_peer` counts the connections of one address that are not authenticated; `headers` is from the connection's first
    byte to the end of the headers, `keepalive` from an answer to the next request, `answer` for a whole request.
    """

    connections: int = MOST_CONNECTIONS
    backlog: int = BACKLOG
    by_peer: int = 128
    headers: float = 10.0
    # Longer than the idle timeouts of proxies (60 s on AWS, 75 s in nginx), so that no proxy meets a closed connection.
    keepalive: float = 90.0
    answer: float = 90.0


def affordable(descriptors: int) -> Limits:
    """The limits of a process that may have this many descriptors.

    asyncio accepts as many connections as the backlog has at each turn of the loop, and an aborted one keeps its
    descriptor for two turns: connections and three backlogs leave more than a third of the descriptors.
    """
    return Limits(min(MOST_CONNECTIONS, descriptors // 4), min(BACKLOG, max(16, descriptors // 8)))


def raise_descriptors() -> int:
    """Raise the soft limit of descriptors as far as the hard limit allows, and return it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    unlimited = resource.RLIM_INFINITY
    if soft == unlimited or soft >= DESCRIPTORS:
        return DESCRIPTORS if soft == unlimited else soft
    wanted = DESCRIPTORS if hard == unlimited else min(DESCRIPTORS, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return wanted


def limit_accept_errors(loop: asyncio.AbstractEventLoop) -> None:
    """Log the errors of accept() at a limited rate; asyncio logs each, thousands a minute without descriptors."""
    limited = LimitedLog(log)

    def handle(of: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        if context.get("message") == ACCEPT_ERROR:
            limited.warning("a connection cannot be accepted: %s", context.get("exception"))
        else:
            of.default_exception_handler(context)

    loop.set_exception_handler(handle)
