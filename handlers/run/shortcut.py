"""The shortcuts "Run an operation…": of a message, whose link goes along, and of the whole workspace."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING

from bot.operations import requests
from bot.operations.registry import Modal, NextPage, Shortcut, ShortcutUse, Submission
from bot.slack.client import Posted
from bot.slack.modal import open_modal_early
from bot.slack.web_api import ChatError
from handlers.run import views
from handlers.run.command import declared_of, request_for, visible_to
from handlers.run.settings import Wanted, settings_of
from handlers.shared.permissions import attempt, check_may_use

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot.services import Services
    from bot.slack.blocks.kit import Block, Message

log = logging.getLogger(__name__)
OF_MESSAGE, ANYWHERE = "run-about-message", "run-anywhere"


async def choose(services: Services, use: ShortcutUse) -> None:
    """Open the window that asks which operation to run."""

    async def content() -> Block | Message:
        person = await requests.check_may_use(services, use.user, "/run", "see")
        custom = visible_to(services.config, person)
        return views.choice(custom, await _link(services, use)) if custom else views.listing(custom)

    await open_modal_early(services.chat, use.trigger_id, views.TITLE, content)


async def _link(services: Services, use: ShortcutUse) -> str:
    """The address of the message whose shortcut it is; "" without one, or where Slack does not give it to the app."""
    if not use.message_ts:
        return ""
    try:
        return await services.chat.permalink(Posted(use.channel, use.message_ts))
    except ChatError as error:
        log.warning("the address of a message in %s: %s", use.channel, error)
        return ""


async def chosen(services: Services, submission: Submission) -> Mapping[str, str] | NextPage:
    """Ask for the inputs of the operation, or start one that takes none."""
    name, link = submission.values[views.OPERATION], json.loads(submission.private_metadata)
    settings = settings_of(services.config, name)
    await check_may_use(services, attempt(submission.user, f"run {name}", settings.environment), f"/run {name}")
    wanted = Wanted(name, link=link)
    if settings.inputs:
        return NextPage(views.window(wanted, settings, await declared_of(services, settings, settings.ref)))
    await requests.start(services, request_for(services, wanted, submission.user, submission.key))
    return {}


SHORTCUTS = (Shortcut(OF_MESSAGE, choose), Shortcut(ANYWHERE, choose))
MODALS = (Modal(views.CHOICE, chosen),)
