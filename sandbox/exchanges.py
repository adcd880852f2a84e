"""The requests to a stand-in for tests, and hooks by which a test makes a request fail."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import Mapping


class DropConnectionError(Exception):
    """Raised by a hook to break the connection without an answer."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request for hooks. `status` is the answer's; 0 in the phase before the request takes effect."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    phase: Literal["before", "after"]
    status: int = 0


@dataclass(frozen=True, slots=True)
class Request:
    """A request that was answered, for tests to check."""

    method: str
    path: str
    status: int
    query: Mapping[str, str] = field(default_factory=dict)
    conditional: bool = False


# A hook may wait, raise the stand-in's own error to answer with it, or raise DropConnectionError.
Hook = Callable[[Exchange], Awaitable[None]]


def drop(request: web.Request) -> web.Response:
    """Break the connection; the returned answer is not sent."""
    transport = request.transport
    if isinstance(transport, asyncio.Transport):
        transport.abort()
    return web.Response(status=500)
