"""Ports of this machine for what the sandbox starts."""

from __future__ import annotations

import random
import socket
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def held_port() -> Iterator[int]:
    """A port that nobody but the bot listens on: until the end no other program is given it, also while the bot is down."""
    with socket.socket() as holder:
        # Bound, not listening: a server that sets the same option can bind it and listen.
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.bind(("0.0.0.0", 0))  # noqa: S104  -- nothing listens here
        yield int(holder.getsockname()[1])


def free_port() -> int:
    """A port of 127.0.0.1 that nobody uses now.

    It is below those that a system gives to connections (Linux: from 32768 on): one of these may be taken before it is used here.
    """
    while True:
        port = random.randrange(10_000, 32_000)
        with suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            return port
