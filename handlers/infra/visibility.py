"""What a person may see of the history, of operations and of environments."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bot.services import Services


async def targets_for(_: Services, __: str) -> frozenset[str] | None:
    """The targets that this person may see; None stands for all."""
    return None
