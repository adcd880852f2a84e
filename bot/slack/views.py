"""Modals and the Home tab: opened, changed, published."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from bot.slack.blocks.plain import not_displayed, simpler_view
from bot.slack.errors import Verdict
from bot.slack.web_api import ChatError, WebApi

if TYPE_CHECKING:
    from bot.slack.blocks.kit import Block

log = logging.getLogger(__name__)
REFUSED_AS_IT_IS = (Verdict.CONTENT, Verdict.UNKNOWN)


class Views(WebApi):
    """Views. Every method raises ChatError."""

    async def open_view(self, trigger_id: str, view: Block) -> str:
        """Open a modal, and return its id; the trigger works once, within three seconds."""
        return str((await self.api("views.open", trigger_id=trigger_id, view=view))["view"]["id"])

    async def update_view(self, view_id: str, view: Block) -> None:
        """Change an open modal. One that the person has closed meanwhile is no error."""
        for form in (view, simpler_view(view), not_displayed(view)):
            try:
                await self.api("views.update", view_id=view_id, view=form)
            except ChatError as error:
                if error.verdict is Verdict.VIEW:
                    log.info("a modal was closed before it was filled in: %s", error)
                    return
                if error.verdict not in REFUSED_AS_IT_IS:
                    raise
                log.error("a modal is refused: %s", error)  # noqa: TRY400
            else:
                return

    async def publish_home(self, user: str, view: Block) -> None:
        """Set a person's Home tab."""
        try:
            await self.api("views.publish", user_id=user, view=view)
        except ChatError as error:
            if error.verdict not in REFUSED_AS_IT_IS:
                raise
            log.error("a Home tab is refused: %s; trying it simpler", error)  # noqa: TRY400
            await self.api("views.publish", user_id=user, view=simpler_view(view))
