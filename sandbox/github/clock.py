"""Simulated time: what takes minutes on GitHub takes seconds in the sandbox."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass(frozen=True, slots=True)
class Clock:
    """`speed` simulated seconds pass in one real second. Times shown are real ones, so that nothing lies in the future."""

    speed: float = 1.0

    async def sleep(self, simulated: float) -> None:
        """Wait for so many simulated seconds."""
        await asyncio.sleep(simulated / self.speed)

    @staticmethod
    def now() -> datetime:
        """The present, as aware UTC."""
        return datetime.now(UTC)
