"""Notifies all who wait or watch that something in the workspace changed."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from sandbox.waiting import SLICE, Timer

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.slack.messages import Message
    from sandbox.slack.views import View

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Happening:
    """One thing that a client would notice.

    `name` is message, changed, deleted, ephemeral, view or home; `user` is the only person who sees it
    (None: everybody in the channel).
    """

    name: str
    channel: str | None = None
    message: Message | None = None
    view: View | None = None
    user: str | None = None


class Bus:
    """Hands every happening to the subscribed queues and wakes those who wait for one."""

    def __init__(self) -> None:
        self._queues: set[asyncio.Queue[Happening]] = set()
        self._waiters: set[asyncio.Future[None]] = set()

    def publish(self, happening: Happening) -> None:
        """Notify all subscribers. Never blocks; a page that lags by 10,000 happenings loses the rest."""
        for queue in self._queues:
            if not queue.full():
                queue.put_nowait(happening)
        waiters, self._waiters = self._waiters, set()
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)

    def subscribe(self) -> asyncio.Queue[Happening]:
        """A queue that receives everything from now on; give it back with `unsubscribe`."""
        queue: asyncio.Queue[Happening] = asyncio.Queue(maxsize=10_000)
        self._queues.add(queue)
        return queue

    def unsubscribe(self, queue: asyncio.Queue[Happening]) -> None:
        """Stop filling a queue."""
        self._queues.discard(queue)

    async def until(self, look: Callable[[], T | None], timeout: float) -> T | None:
        """The first thing other than None that `look` finds, asked again after each happening.

        None after `timeout` seconds of an idle machine.
        """
        timer = Timer(timeout)
        while (result := look()) is None:
            if not (remaining := timer.remaining()):
                return None
            waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiters.add(waiter)
            await asyncio.wait([waiter], timeout=min(remaining, SLICE))
            self._waiters.discard(waiter)
        return result
