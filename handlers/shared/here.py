"""The environment of the channel in which somebody acts: what windows preselect, and what the examples of the help name."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from bot.slack.web_api import ChatError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bot.config import Environment
    from bot.services import Services


async def environment_of_channel(services: Services, environments: Iterable[Environment], channel: str) -> str:
    """The first of these environments whose messages are in this channel; "" for none."""
    for environment in environments:
        with suppress(ChatError):
            if await services.chat.channel_id(environment.channel) == channel:
                return environment.name
    return ""
