"""Who may have the Home tab open: published again when it has changed, at Slack's pace.

Slack says when somebody opens it, not when they close it. So it stays up to date for a while after it was opened last.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import time
from typing import TYPE_CHECKING

from bot.slack.pacing import Pace
from bot.slack.web_api import ChatError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Mapping

    from bot.slack.blocks.kit import Block
    from bot.slack.client import Chat

    Draw = Callable[[Collection[str]], Awaitable[Mapping[str, Block]]]

log = logging.getLogger(__name__)
OPEN_FOR = 900.0  # seconds after somebody opened it, or pressed something in it
INTERVAL = 5.0  # seconds between two checks whether it has changed
MOST_OPEN = 200  # people; those who opened it first are forgotten
# Slack takes 100 and more views.publish a minute: docs.slack.dev/reference/methods/views.publish
PUBLISH_INTERVAL, PUBLISH_BURST = 1.0, 20


class OpenHomes:
    """The people who may have their Home tab open, and what each has there."""

    def __init__(self, chat: Chat, now: Callable[[], float] = time.monotonic) -> None:
        self._chat = chat
        self._now = now
        self._opened: dict[str, float] = {}
        self._there: dict[str, str] = {}  # digests of what was published
        self._pace = Pace(PUBLISH_INTERVAL, PUBLISH_BURST)
        self._watching: asyncio.Task[None] | None = None

    async def publish(self, user: str, view: Block) -> None:
        """Set a person's Home tab unless it has this content already. Raises ChatError."""
        digest = hashlib.sha256(json.dumps(view, sort_keys=True).encode()).hexdigest()
        if self._there.get(user) == digest:
            return
        await self._pace.turn()
        await self._chat.publish_home(user, view)
        if user in self._opened:
            self._there[user] = digest

    def opened(self, user: str, draw: Draw) -> None:
        """Note that a person opened it; `draw` gives what these people should have there, as long as somebody has it open."""
        self._opened.pop(user, None)
        self._there.pop(user, None)  # Slack may have lost it
        self._opened[user] = self._now()
        while len(self._opened) > MOST_OPEN:
            self._forget(next(iter(self._opened)))
        if self._watching is None or self._watching.done():
            self._watching = asyncio.create_task(self._watch(draw))

    async def close(self) -> None:
        """Stop."""
        if self._watching:
            self._watching.cancel()
            await asyncio.wait({self._watching})

    async def _watch(self, draw: Draw) -> None:
        while self._opened:
            await asyncio.sleep(INTERVAL)
            for user in [user for user, at in self._opened.items() if self._now() - at > OPEN_FOR]:
                self._forget(user)
            try:
                for user, view in (await draw(tuple(self._opened))).items():
                    await self._publish_again(user, view)
            except Exception as error:  # noqa: BLE001  -- whatever it is, it is tried again
                log.warning("open Home tabs were not updated: %s: %s", type(error).__name__, error)

    async def _publish_again(self, user: str, view: Block) -> None:
        try:
            await self.publish(user, view)
        except ChatError as error:
            log.warning("the Home tab of %s was not updated: %s", user, error)
            if not error.transient:
                self._forget(user)

    def _forget(self, user: str) -> None:
        self._opened.pop(user, None)
        self._there.pop(user, None)
