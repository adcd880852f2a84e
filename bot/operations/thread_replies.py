"""What people write in threads, and what a handler file registers to read it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from bot.services import Services


@dataclass(frozen=True, slots=True)
class ThreadReply:
    """A person's message in the thread below the message `thread_ts`."""

    user: str
    channel: str
    thread_ts: str
    ts: str
    text: str


@dataclass(frozen=True, slots=True)
class ThreadListener:
    """Handles each reply in a channel of the bot, sometimes twice."""

    handle: Callable[[Services, ThreadReply], Coroutine[Any, Any, None]]
