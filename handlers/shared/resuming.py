"""Preparing to follow what was started before: systems that do not answer are asked again, for it goes on meanwhile."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from typing import TYPE_CHECKING, TypeVar

from runners.errors import UnavailableError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from runners.processes.children import Child

T = TypeVar("T")
log = logging.getLogger(__name__)
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 30.0  # seconds between two attempts, each up to a half longer


async def prepared(make: Callable[[], Awaitable[T]], started: Child, *, timeout: float) -> T:
    """The result of `make`, which needs systems outside: tried again while one of them does not answer.

    It gives up `timeout` seconds after the first attempt, but not as long as `started` runs. Raises the RunnerError of
    the last attempt.
    """
    pause, end = FIRST_PAUSE, time.monotonic() + timeout
    while True:
        try:
            return await make()
        except UnavailableError as error:
            if time.monotonic() >= end and not await started.is_running():
                raise
            log.warning("%s; trying again in %.0f s, and what was started goes on", error, pause)
        await asyncio.sleep(pause * random.uniform(1, 1.5))  # noqa: S311  -- no secret
        pause = min(2 * pause, LONGEST_PAUSE)
