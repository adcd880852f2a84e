"""The button Details below the findings in the logs of a run that ended well: a modal with all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.access.rights import needed_for
from bot.errors import UserError
from bot.operations.registry import Button, Click
from bot.slack.blocks import modals
from bot.slack.modal import open_modal
from handlers.shared import log_judgement_views as views, permissions
from handlers.shared.clicks import clicked
from handlers.shared.log_judgement import JUDGED, JudgedLogs

if TYPE_CHECKING:
    from bot.services import Services
    from bot.slack.blocks.kit import Block


async def show(services: Services, click: Click) -> None:
    """Open the modal, for people who may run commands."""
    await open_modal(services.chat, click.trigger_id, views.DETAILS_TITLE, lambda: _content(services, click))


async def _content(services: Services, click: Click) -> Block:
    record = await clicked(services, click, click.value)
    attempt = permissions.attempt_on(record, click.user, "read findings in logs")
    await permissions.check_may_use(services, attempt, needed_for(record).command, "see")
    judged = await services.engine.result(record.number, JUDGED, JudgedLogs)
    if judged is None:
        raise UserError("The findings are no longer stored; the logs of the run have them, as long as they are kept.")
    return modals.notice(views.DETAILS_TITLE, views.details(judged))


BUTTONS = (Button(views.DETAILS, show, repeatable=True),)
