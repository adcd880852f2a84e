"""Modals that open at once, and are filled in when what they show is known.

Slack takes a click's trigger for three seconds (docs.slack.dev/interactivity/handling-user-interaction), which the
look-ups for a modal may outlast.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from bot.errors import NeedsClickError, UserError
from bot.slack.answers import answer_of
from bot.slack.blocks import modals
from bot.slack.blocks.kit import Message
from bot.slack.retry import with_retries
from bot.slack.web_api import ChatError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from bot.slack.blocks.kit import Block
    from bot.slack.client import Chat

    Content = Callable[[], Awaitable[Block | Message]]

DELAYS = (0.5, 1, 2, 5)  # seconds between tries; then the person has closed it
_filling: set[asyncio.Task[None]] = set()


async def open_modal(chat: Chat, trigger_id: str, title: str, content: Content) -> None:
    """Open a modal that is loading, and fill it in with the view that `content` returns.

    In place of a message, or of a UserError, the modal says that and has nothing to submit. Raises UserError if it does
    not open.
    """
    await _fill(chat, await _opened(chat, trigger_id, title), title, content)


async def open_modal_early(chat: Chat, trigger_id: str, title: str, content: Content) -> None:
    """The same, but return as soon as it is open: for a command, which Slack wants answered in three seconds."""
    task = asyncio.create_task(_fill(chat, await _opened(chat, trigger_id, title), title, content))
    _filling.add(task)  # the event loop itself holds only a weak reference
    task.add_done_callback(_filling.discard)


async def _opened(chat: Chat, trigger_id: str, title: str) -> str:
    if not trigger_id:
        raise NeedsClickError(f"“{title}” is a window, which Slack opens after a click or a slash command only.")
    try:
        return await chat.open_view(trigger_id, modals.loading(title))
    except ChatError as error:
        raise UserError(f"Slack did not open the window ({error.code.partition(' ')[0]}). Please try again.") from error


async def _fill(chat: Chat, view_id: str, title: str, content: Content) -> None:
    result = await answer_of(content)
    view = modals.notice(title, result) if isinstance(result, Message) else result
    await with_retries(lambda: chat.update_view(view_id, view), DELAYS)
