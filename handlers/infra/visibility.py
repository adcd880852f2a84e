"""What a person may see of the history and of operations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.access import policy
from bot.config.targets import shared_targets

if TYPE_CHECKING:
    from bot.services import Services


async def targets_for(services: Services, user: str) -> frozenset[str] | None:
    """The targets that this person may see; None for somebody who sees all, also those that were removed."""
    config, person = services.config, await services.directory.person(user)
    if policy.sees(config, person, ""):
        return None
    return frozenset(
        name for name in (*config.environments, *shared_targets(config)) if policy.sees(config, person, name)
    )
