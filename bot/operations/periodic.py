"""Rounds: what is looked after now and then, by itself, as long as the process works."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import TYPE_CHECKING

from bot.errors import UserError
from runners.errors import RunnerError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bot.operations.registry import PeriodicTask
    from bot.services import Services

log = logging.getLogger(__name__)
AFTER = 1.0  # second
FIRST_AFTER = 2.0  # seconds; what the last process left goes on first


class PeriodicTasks:
    """Makes every round that the configuration asks for, each at its own pace; what fails is tried at its next turn.

    A round looks at how things are and compares that with what is recorded, so that one that is missed, cut short or
    made by two processes at once does no harm.
    """

    def __init__(self, services: Services, rounds: Iterable[PeriodicTask]) -> None:
        self._services = services
        self._tasks = [
            asyncio.create_task(self._keep(one, every.total_seconds()), name=f"round {one.name}")
            for one in rounds
            if (every := one.every(services.config)) is not None
        ]

    async def close(self) -> None:
        """Stop; a round under way is cut short."""
        for task in self._tasks:
            task.cancel()
        for task in self._tasks:
            with suppress(asyncio.CancelledError):
                await task

    async def _keep(self, one: PeriodicTask, every: float) -> None:
        await asyncio.sleep(min(FIRST_AFTER, every))
        while True:
            sooner = None
            try:
                sooner = await one.make(self._services)
            except (RunnerError, UserError) as error:
                log.warning("round %s: %s", one.name, self._services.redact(str(error)))
            except Exception:
                log.exception("round %s went wrong", one.name)
            # A little later than asked: what is awaited is over by then.
            await asyncio.sleep(every if sooner is None else min(every, sooner.total_seconds() + AFTER))
