"""Signals between processes: that a queue may have something to take, or that a worker has come or gone.

A signal only says that it is worth polling now. One that is lost, as while the database restarts, costs a poll's interval.
On PostgreSQL all processes hear it by the engine's own NOTIFY; an SQLite file is used by one process.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

from bot.store.workers import SIGNAL

if TYPE_CHECKING:
    from collections.abc import Callable

# The engine listens on this channel, and looks up who waits for the payload. A listener of our own would be one more
# connection in each process.
CHANNEL, WORKERS = SIGNAL
WORK = "signalbox work"
FOLLOWED = 2.0  # seconds after a signal in which queues are polled at each chance: what it announces may be under way
UNASKED = 5.0  # seconds between polls without a signal
CONFIGURATION = 60.0  # seconds for which the engine's own description of its queues is valid


class Signal:
    """One payload. Every function that `heard` names is called, in any thread, when a process sends it."""

    def __init__(self, payload: str) -> None:
        self._payload = payload
        self._heard: list[Callable[[], None]] = []
        self._database: Any = None

    def connect(self, database: Any) -> None:
        """Hear other processes too, by the engine's database. Once, after the launch."""
        self._database = database
        if database.engine.dialect.name == "postgresql":
            database.notifications_map.add(self._payload, self, (self._payload, "", None))

    def heard(self, act: Callable[[], None]) -> None:
        """Call `act` at each signal."""
        self._heard.append(act)

    def set(self) -> None:
        """Called by the engine when the payload has arrived."""
        for act in tuple(self._heard):
            act()

    def send(self) -> None:
        """Signal here at once, and to the other processes soon."""
        self.set()
        if self._database is not None:
            self._database._signal_notification(CHANNEL, self._payload)  # noqa: SLF001  -- does nothing on SQLite


class Polls:
    """Which polls of the queues reach the database: those after a signal, and one in a while. For any thread."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._until = 0.0
        self._polled: dict[str, float] = {}

    def signalled(self) -> None:
        """Something may have changed."""
        self._until = self._clock() + FOLLOWED

    def due(self, queue: str) -> bool:
        """Whether this queue is polled now."""
        now = self._clock()
        last = self._polled.get(queue)
        if last is not None and now > self._until and now - last < UNASKED:
            return False
        self._polled[queue] = now
        return True


def remembered(read: Callable[..., Any], clock: Callable[[], float] = time.monotonic) -> Callable[..., Any]:
    """`read`, whose answer to the same question is used again for CONFIGURATION seconds.

    "Nothing" is not remembered: at the first start of all, the queue is registered in a moment.
    """
    answers: dict[Any, tuple[float, Any]] = {}
    lock = threading.Lock()

    def answer(*given: Any, **named: Any) -> Any:
        question = given, tuple(sorted(named.items()))
        with lock:
            asked, value = answers.get(question, (float("-inf"), None))
            if clock() - asked > CONFIGURATION:
                value = read(*given, **named)
                if value:
                    answers[question] = clock(), value
        return value

    return answer
