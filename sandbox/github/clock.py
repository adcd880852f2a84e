"""Simulated time: minutes on GitHub are seconds in the sandbox."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass(frozen=True, slots=True)
class Clock:
    """A clock with `speed` simulated seconds in a real second. Displayed times are real, so that none is in the future."""

    speed: float = 1.0

    async def sleep(self, simulated: float) -> None:
        """Wait for `simulated` simulated seconds."""
        await asyncio.sleep(simulated / self.speed)

    @staticmethod
    def now() -> datetime:
        """The present, as aware UTC."""
        return datetime.now(UTC)
