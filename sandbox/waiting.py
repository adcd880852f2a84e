"""Waiting with timeouts that a busy or slow machine lengthens: seconds count as far as the machine was free."""

from __future__ import annotations

import asyncio
import os
import time
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

T = TypeVar("T")

REFERENCE = 0.02  # seconds of processor time that `_slow_processor` takes where timeouts were chosen
SLICE = 0.5  # seconds between readings of how busy the machine is
SAID_AFTER = 15.0  # seconds, and again after as many


class Timer:
    """Counts down `seconds` of an idle machine: on a busy one slower, by how many programs want each core."""

    def __init__(self, seconds: float) -> None:
        self._left = seconds
        self._counted = time.monotonic()

    def remaining(self) -> float:
        """Seconds that are remaining; 0 when the time is up."""
        now = time.monotonic()
        self._left -= (now - self._counted) / slowness()
        self._counted = now
        return max(0.0, self._left)


def slowness() -> float:
    """How many times longer work takes here and now than on an idle machine of the usual speed; 1 at least."""
    waiting = os.getloadavg()[0]
    with suppress(OSError, ValueError):  # only Linux counts the programs that want a core at this moment
        waiting = max(waiting, float(Path("/proc/loadavg").read_text().split()[3].split("/")[0]))
    return max(1.0, waiting / (os.cpu_count() or 1)) * _slow_processor()


@cache
def _slow_processor() -> float:
    began = time.process_time()
    sum(number * number for number in range(250_000))
    return max(1.0, (time.process_time() - began) / REFERENCE)


async def within(seconds: float, awaitable: Awaitable[T]) -> T:
    """Its result. Raises TimeoutError after `seconds` of an idle machine."""
    timer, work = Timer(seconds), asyncio.ensure_future(awaitable)
    try:
        while not work.done():
            if not (remaining := timer.remaining()):
                raise TimeoutError
            await asyncio.wait({work}, timeout=min(remaining, SLICE))
        return work.result()
    finally:
        work.cancel()


async def until(holds: Callable[[], object], seconds: float = 60) -> None:
    """Poll until it holds. Raises TimeoutError after `seconds` of an idle machine."""
    timer = Timer(seconds)
    while not holds():
        if not timer.remaining():
            raise TimeoutError
        await asyncio.sleep(0.02)


async def aloud(what: str, awaitable: Awaitable[T]) -> T:
    """Its result; while it takes long, the terminal shows what is waited for."""
    work, waited = asyncio.ensure_future(awaitable), 0.0
    try:
        while not work.done():
            if waited:
                print(f"  … still waiting for {what} ({waited:.0f} s)", flush=True)
            await asyncio.wait({work}, timeout=SAID_AFTER)
            waited += SAID_AFTER
        return work.result()
    finally:
        work.cancel()
