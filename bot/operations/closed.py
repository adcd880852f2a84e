"""Whether a target may be changed now: its windows, its locks and its freezes, asked here by whatever changes something."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from bot.access import closing

if TYPE_CHECKING:
    from bot.access.closing import Obstacle
    from bot.config.targets import Target
    from bot.services import Services


async def obstacles(services: Services, target: Target, person: str) -> tuple[Obstacle, ...]:
    """Everything that forbids this person to change the target now. Raises ForgedError."""
    now = datetime.fromtimestamp(services.clock(), UTC)
    return closing.obstacles(target, now, await services.closures.active(), person)


async def check_open(services: Services, target: Target, person: str, *, emergency: bool = False) -> None:
    """Raises ClosedError with everything that forbids this person to change the target now, and ForgedError.

    An emergency passes windows and freezes, and no lock.
    """
    now = datetime.fromtimestamp(services.clock(), UTC)
    closing.check_open(target, now, await services.closures.active(), person, emergency=emergency)
