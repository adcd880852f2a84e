"""A message whose states may come faster than Slack takes them: progress."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any, Self

from bot.slack.blocks import kit
from bot.slack.web_api import ChatError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from bot.slack.blocks.kit import Message

log = logging.getLogger(__name__)


async def _at_once() -> None:
    """Without a pace."""


class LiveMessage:
    """Displays the newest state of a message at Slack's pace: states in between are skipped, the last state is not.

    `send` changes the message to a state; it raises ChatError. `turn` waits for Slack's pace; only then the state is drawn.
    """

    def __init__(
        self,
        send: Callable[[Message], Coroutine[Any, Any, None]],
        turn: Callable[[], Coroutine[Any, Any, None]] = _at_once,
    ) -> None:
        self._send_one = send
        self._turn = turn
        self._newest: Callable[[], Message] | None = None
        self._last: Callable[[], Message] | None = None
        self._note = ""
        self._task: asyncio.Task[None] | None = None
        self._waits = False

    def show(self, render: Callable[[], Message]) -> None:
        """Display this state as soon as Slack takes it, unless a newer state comes first."""
        self._newest = self._last = render
        if self._task is None or self._task.done():
            self._waits = True
            self._task = asyncio.create_task(self._send())

    def note(self, text: str) -> None:
        """Add this text (mrkdwn) to every state from now on, or nothing if it is empty."""
        if text != self._note:
            self._note = text
            if self._last is not None:
                self.show(self._last)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop; an update that is being sent ends first, so that it cannot overwrite what comes next.

        One that still waits to be sent is dropped: what comes next does not wait behind progress.
        """
        self._newest = None
        if self._task is not None:
            if self._waits:
                self._task.cancel()
            await asyncio.wait({self._task})
            if not self._task.cancelled():
                self._task.result()  # raises what `send` raised

    async def _send(self) -> None:
        while self._newest is not None:
            self._waits = True
            await self._turn()
            self._waits = False
            render, self._newest = self._newest, None
            try:
                message = render()
                await self._send_one(kit.with_note(message, self._note) if self._note else message)
            except ChatError as error:
                # Progress may be missed; the durable step that follows displays the outcome, with retries.
                log.warning("progress was not shown: %s", error)
