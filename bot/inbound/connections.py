"""Connections before they are authenticated: few, short, and the oldest gives way to the newest."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, cast

from aiohttp import web
from prometheus_client import Counter

from bot.inbound.limited_log import LimitedLog
from bot.inbound.peers import counted_as

if TYPE_CHECKING:
    from collections.abc import Callable

    from bot.inbound.limits import Limits
    from bot.inbound.peers import Peers

    Handler = Callable[[web.Request], object]

log = logging.getLogger(__name__)
# Bytes that wait until the headers are complete and the request is taken up; then reading goes on.
MOST_UNREAD = 1 << 16
PIPELINED = "sent a request before the answer to another"
CLOSED = Counter(
    "signalbox_closed_connections", "Connections that the bot closed before an answer.", ["reason"], registry=None
)


class Connection(asyncio.Protocol):
    """One connection: passes everything to aiohttp's protocol, and is closed when its time is over."""

    def __init__(self, connections: Connections, inner: asyncio.Protocol) -> None:
        self._connections = connections
        self._inner = inner
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._idle = False  # between an answer and the next request
        self._taken: web.Request | None = None  # while it is answered
        self._unread = 0
        self.peer = ""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin the time of the first request."""
        self._transport = cast("asyncio.Transport", transport)
        address = transport.get_extra_info("peername")
        self.peer = address[0] if address else ""
        self._inner.connection_made(transport)
        self._expect(self._connections.limits.headers)
        self._connections.add(self)

    def data_received(self, data: bytes) -> None:
        """Pass on what came; the first bytes of a further request begin its time."""
        if self._taken is not None:
            if self._taken.content.is_eof():
                self.close(PIPELINED)
                return
        else:
            if self._idle:
                self._idle = False
                self._expect(self._connections.limits.headers)
            self._unread += len(data)
            if self._unread > MOST_UNREAD and self._transport:
                self._transport.pause_reading()
        self._inner.data_received(data)

    def eof_received(self) -> bool | None:
        """Pass it on."""
        return self._inner.eof_received()

    def pause_writing(self) -> None:
        """Pass it on."""
        self._inner.pause_writing()

    def resume_writing(self) -> None:
        """Pass it on."""
        self._inner.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        if self._timer:
            self._timer.cancel()
        self._connections.remove(self)
        self._inner.connection_lost(exc)

    def take(self, request: web.Request) -> None:
        """The headers are complete and the request is being answered: its body may come.

        A request that was sent before the answer to the one before is not answered. Neither Slack nor GitHub nor a proxy sends
        such (RFC 9112, 9.3.2), and a stranger who does fills the memory with requests that wait.
        """
        if getattr(self._inner, "_messages", ()):  # aiohttp's queue, which it does not show otherwise
            self.close(PIPELINED)
        self._taken, self._idle, self._unread = request, False, 0
        self._expect(self._connections.limits.answer)
        if self._transport and not self._transport.is_closing():
            self._transport.resume_reading()

    def release(self) -> None:
        """The request is answered; another may come."""
        self._taken, self._idle = None, True
        if self._transport is None or self._transport.is_closing():
            return
        self._expect(self._connections.limits.keepalive)
        self._connections.add(self)

    def close(self, reason: str) -> None:
        """Close it now; what was not sent yet is lost."""
        CLOSED.labels(reason).inc()
        self._connections.remove(self)
        if self._transport:
            self._transport.abort()

    def _expect(self, seconds: float) -> None:
        if self._timer:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(seconds, self.close, "too slow")


class Connections:
    """All connections of a listening address, within `limits`.

    A connection is not authenticated until `authenticated` was called for its request. When there are too many, the oldest
    of those is closed: a stranger's thousand idle connections cannot keep anybody out. Proxies have no limit by peer.
    """

    def __init__(self, limits: Limits, peers: Peers) -> None:
        self.limits = limits
        self._peers = peers
        self._all: set[Connection] = set()
        self._strangers: dict[Connection, None] = {}  # in the order of their age
        self._by_peer: dict[str, dict[Connection, None]] = {}
        self._log = LimitedLog(log)

    def guarded(self, make: Callable[[], asyncio.Protocol]) -> Callable[[], Connection]:
        """A factory of protocols: those that `make` makes, guarded."""
        return lambda: Connection(self, make())

    def add(self, connection: Connection) -> None:
        """Count a connection, as the newest that is not authenticated; close others if that is too many."""
        self.remove(connection)
        peer = counted_as(connection.peer)
        self._all.add(connection)
        self._strangers[connection] = None
        of_peer = self._by_peer.setdefault(peer, {})
        of_peer[connection] = None
        if len(of_peer) > self.limits.by_peer and not self._peers.is_proxy(connection.peer):
            self._close(next(iter(of_peer)), "too many of a peer")
        if len(self._all) > self.limits.connections:
            self._close(next(iter(self._strangers)), "too many")

    def remove(self, connection: Connection) -> None:
        """Stop counting a connection."""
        self._all.discard(connection)
        self._strangers.pop(connection, None)
        peer = counted_as(connection.peer)
        of_peer = self._by_peer.get(peer, {})
        of_peer.pop(connection, None)
        if not of_peer:
            self._by_peer.pop(peer, None)

    def keep(self, connection: Connection) -> None:
        """Keep a connection whatever comes after it: its request is signed."""
        if connection in self._all:
            self.remove(connection)
            self._all.add(connection)

    def _close(self, connection: Connection, reason: str) -> None:
        self._log.warning("a connection of %.60s was closed: %s", connection.peer, reason)
        connection.close(reason)


def connection_of(request: web.Request) -> Connection | None:
    """The guarded connection of a request; None in a server without a guard."""
    transport = request.transport
    protocol = transport.get_protocol() if transport else None
    return protocol if isinstance(protocol, Connection) else None


def authenticated(request: web.Request) -> None:
    """Keep the connection of this request until it is answered: it is signed."""
    connection = connection_of(request)
    if connection:
        connection._connections.keep(connection)  # noqa: SLF001  -- of this module


@web.middleware
async def timed(request: web.Request, handler: Callable[[web.Request], object]) -> web.StreamResponse:
    """Give the request the time of an answer, once its headers are complete."""
    connection = connection_of(request)
    if connection:
        connection.take(request)
    try:
        return await handler(request)  # type: ignore[misc, no-any-return]
    finally:
        if connection:
            connection.release()
