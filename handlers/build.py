"""/build: machine images. Not built yet; it says so rather than doing half of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot import requests
from bot.commands import Command, Invocation
from bot.errors import UserError

if TYPE_CHECKING:
    from bot.blocks.kit import Message
    from bot.services import Services

USAGE = "/build [machines] [environments]"


async def handle(services: Services, invocation: Invocation) -> Message | None:
    """Say where images are built until this command can do it."""
    await requests.check_may_use(services, invocation.user, "/build")
    images = services.config.images
    if images is None:
        raise UserError("Image builds are not configured here: signalbox.yaml has no images section.")
    raise UserError(
        f"Image builds cannot be started from here yet. Start {images.workflow} on the Actions page of "
        f"{services.config.github.repository}."
    )


COMMANDS = (Command("/build", USAGE, "[machines] [environments]", "Build machine images (not available yet).", handle),)
