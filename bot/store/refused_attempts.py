"""Refused attempts in the audit log: the first is an entry, its repetitions are counted and summed up in one more.

So nobody fills the audit log by trying again and again. A window begins with an entry. Further attempts are counted in
memory until the window ends; then one entry has their number, what was tried, and the time from the first to the last.
"""

from __future__ import annotations

import asyncio
import json
import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from prometheus_client import Counter

from bot.store.audit import Entry, iso_time

if TYPE_CHECKING:
    from collections.abc import Callable

    from bot.store.audit import Audit

log = logging.getLogger(__name__)
# For /metrics, which registers it.
ATTEMPTS = Counter(
    "signalbox_refused_attempts",
    "Commands and clicks that were denied, by action and whether a rule names the person (named, unnamed).",
    ["action", "person"],
    registry=None,
)
WINDOW = 600.0  # seconds; what is counted in a window is lost if the process is killed before its end
RETRY_AFTER = 60.0  # seconds after a summary could not be written
MOST_STRANGERS = 10  # who have a window of their own at a time; all others share one for each action
MOST_DIFFERENT = 50  # refusals of a named person with a window each at a time; all others share one for the person
MOST_WINDOWS = 1_000  # of named people
MOST_NAMES = 5  # different attempts, places and people that a summary names
LONGEST_NAME = 80  # characters of one of them
SHARED_ACTOR = "signalbox"  # the actor of a summary of several people
COUNT = "count"  # the detail with the number of attempts; an entry without it is one attempt


class _Key(NamedTuple):
    """What a window counts. Empty fields stand for anything."""

    named: bool
    actor: str
    attempt: str = ""  # one different refusal of a named person; an action where strangers share the window


class _Names:
    """The first different names; any others are not kept."""

    def __init__(self) -> None:
        self._names: list[str] = []
        self._others = False

    def add(self, name: str) -> None:
        short = name[:LONGEST_NAME]
        if short and short not in self._names:
            self._others = self._others or len(self._names) == MOST_NAMES
            self._names += [] if self._others else [short]

    def __len__(self) -> int:
        return len(self._names)

    def __str__(self) -> str:
        return ", ".join([*self._names, *(["others"] if self._others else [])])


@dataclass(slots=True)
class _Window:
    """What was counted since the window began."""

    ends: float
    count: int = 0
    first: float = 0.0
    last: float = 0.0
    newest: Entry = field(default_factory=lambda: Entry("", ""))
    what: _Names = field(default_factory=_Names)
    where: _Names = field(default_factory=_Names)
    people: _Names = field(default_factory=_Names)

    def add(self, attempt: Entry, at: float) -> None:
        self.first = self.first if self.count else at
        self.count, self.last, self.newest = self.count + 1, at, attempt
        self.what.add(str(attempt.detail.get("what", "")))
        number = f"#{attempt.operation} " if attempt.operation else ""
        self.where.add(f"{number}{attempt.environment}" or "no environment")
        self.people.add(attempt.actor)

    def summary(self) -> Entry:
        """The entry with the number of attempts; names places and people where there are several."""
        same_place, same_person = len(self.where) == 1, len(self.people) == 1
        detail: dict[str, Any] = {
            COUNT: self.count,
            "first": iso_time(self.first),
            "last": iso_time(self.last),
            "what": str(self.what),
            **({} if same_place else {"where": str(self.where)}),
            **({} if same_person else {"by": str(self.people)}),
            "why": self.newest.detail.get("why", ""),
        }
        actor = self.newest.actor if same_person else SHARED_ACTOR
        environment, operation = (self.newest.environment, self.newest.operation) if same_place else ("", None)
        return Entry(actor, self.newest.action, environment, operation, detail)

    def reported(self, count: int) -> None:
        """The first `count` attempts are in the audit log; those that came meanwhile remain."""
        self.count -= count
        self.first = self.last


class RefusedAttempts:
    """Records refused attempts: a window for each different refusal of a named person, one for each stranger."""

    def __init__(self, audit: Audit, clock: Callable[[], float]) -> None:
        self._audit = audit
        self._clock = clock
        self._windows: dict[_Key, _Window] = {}
        self._closing = asyncio.Lock()
        self._timer: asyncio.Task[None] | None = None

    async def record(self, attempt: Entry, *, named: bool) -> None:
        """Record an attempt, with its reason; returns when it is on disk, or counted. `named`: a rule names the person."""
        ATTEMPTS.labels(attempt.action, "named" if named else "unnamed").inc()
        key = self._key(attempt, named=named)
        if key in self._windows:
            self._windows[key].add(attempt, self._clock())
            return
        window = self._windows[key] = _Window(self._clock() + WINDOW)
        if self._timer is None or self._timer.done():
            self._timer = asyncio.create_task(self._close_in_time())
        try:
            await self._audit.record(attempt)
        except Exception:
            self._windows.setdefault(key, window).add(attempt, self._clock())  # its summary will have it
            raise

    async def close_due(self) -> None:
        """Sum up the windows that have ended."""
        await self._close(until=self._clock())

    async def flush(self) -> None:
        """Sum up every window: the process stops, or the audit log's head is anchored."""
        await self._close(until=float("inf"))

    def _key(self, attempt: Entry, *, named: bool) -> _Key:
        """The window of this attempt: the most specific one that there is, or that may be opened."""
        person = _Key(named, attempt.actor)
        shared = _Key(named=False, actor="", attempt=attempt.action)
        if named:
            about = (attempt.action, attempt.environment, attempt.operation, dict(attempt.detail))
            specific = _Key(named, attempt.actor, json.dumps(about, sort_keys=True, default=str))
            if specific in self._windows:
                return specific
            own = sum(key.actor == attempt.actor for key in self._windows)
            full = sum(key.named for key in self._windows) >= MOST_WINDOWS
            return shared if full else specific if own < MOST_DIFFERENT else person
        own = sum(not key.named and bool(key.actor) for key in self._windows)
        return person if person in self._windows or own < MOST_STRANGERS else shared

    async def _close(self, *, until: float) -> None:
        async with self._closing:
            due = [(key, window) for key, window in self._windows.items() if window.ends <= until]
            for key, window in due:
                if window.count and not await self._sum_up(window):
                    continue
                if window.count:
                    window.ends = self._clock() + WINDOW
                else:
                    del self._windows[key]

    async def _sum_up(self, window: _Window) -> bool:
        """Write the summary; whether that was possible. If not, the count is kept for the next attempt."""
        count = window.count
        try:
            await self._audit.record(window.summary())
        except Exception as error:  # noqa: BLE001  -- nobody waits for it, and the other windows are still summed up
            log.warning("%s refused attempts are not in the audit log yet: %s", count, error)
            window.ends = self._clock() + RETRY_AFTER
            return False
        window.reported(count)
        return True

    async def _close_in_time(self) -> None:
        while self._windows:
            pause = min(window.ends for window in self._windows.values()) - self._clock()
            await asyncio.sleep(min(max(pause, 1.0), WINDOW))  # the wall clock may be set
            await self.close_due()
