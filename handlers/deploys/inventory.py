"""/infra inventory: which machines a deploy by Ansible would reach, and how."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot import words
from bot.blocks import inventory as drawing
from bot.commands import Invocation, Topic
from bot.errors import UserError
from handlers.deploys.scope import find_hosts
from handlers.deploys.settings import settings_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.blocks.kit import Message
    from bot.services import Services

HINT = "<environment>"
USAGE = f"/infra inventory {HINT}"


async def inventory(services: Services, _: Invocation, said: Sequence[str]) -> Message:
    """The running machines of an environment, by machine type."""
    if not said:
        raise UserError(f"Which environment? There are {', '.join(services.config.environments)}. Usage: {USAGE}")
    environment = words.environment(services.config, said[0], USAGE)
    settings_of(environment)
    return drawing.page(await find_hosts(services.config, environment, services.aws))


TOPICS = (Topic("inventory", HINT, "Which machines Ansible would deploy to, and how it reaches them.", inventory),)
