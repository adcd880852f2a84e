"""What a process does with the operations that are open when it starts."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bot.services import Services


async def check_approvals(services: Services) -> None:
    """Make every operation check its approval now: the wake-up of a decision may have been lost with the process."""
    for number in await services.operations.numbers_awaiting_approval():
        await services.engine.wake(number)
