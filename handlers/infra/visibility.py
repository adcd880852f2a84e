"""What a person may see of the history, of operations and of environments."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.access import policy
from bot.config.targets import shared_targets

if TYPE_CHECKING:
    from bot.services import Services


async def targets_for(services: Services, user: str) -> frozenset[str] | None:
    """The targets that this person may see; None stands for all, also for those that the configuration no longer has."""
    config, person = services.config, await services.directory.person(user)
    if policy.sees(config, person, ""):
        return None
    names = (*config.environments, *shared_targets(config))
    return frozenset(name for name in names if policy.sees(config, person, name))
