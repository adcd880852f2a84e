"""A pace: callers take turns at an interval, first come, first served."""

from __future__ import annotations

import asyncio


class Pace:
    """At most one turn per `interval` seconds, with a small burst after a pause."""

    def __init__(self, interval: float, burst: int = 3) -> None:
        self._interval = interval
        self._allowance = interval * (burst - 1)
        self._next = 0.0

    async def turn(self) -> None:
        """Wait until it is this caller's turn."""
        now = asyncio.get_running_loop().time()
        # A pause earns at most `burst` turns at once.
        self._next = max(self._next, now - self._allowance) + self._interval
        wait = self._next - self._interval - now
        if wait > 0:
            await asyncio.sleep(wait)
