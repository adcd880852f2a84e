"""Slack's pace: turns in lanes, so that a decision overtakes progress."""

from __future__ import annotations

import asyncio
from collections import deque
from enum import IntEnum

# After so many turns that overtook somebody, the caller that has waited longest in a slower lane is next.
OVERTAKES = 4


class Lane(IntEnum):
    """How urgent a message is; a smaller number overtakes a larger one."""

    DECISION = 0  # an approval that opens or is decided, how an operation ended, the answer to a person
    STATE = 1  # what an operation does now
    PROGRESS = 2  # live boards, and who is where in a queue


class Pace:
    """At most one turn per `interval` seconds, with a small burst after a pause; the most urgent lane first.

    Progress leaves `reserve` turns of the burst, so that a decision rarely waits. Within a lane: first come, first served.
    """

    def __init__(self, interval: float, burst: int = 3, reserve: int = 0) -> None:
        self._interval = interval
        self._burst = burst
        self._reserve = reserve
        self._allowance = float(burst)  # turns, at the time `_counted_at`
        self._counted_at = 0.0
        self._waiting = {lane: deque[tuple[float, asyncio.Future[None]]]() for lane in Lane}
        self._overtaken = 0
        self._timer: asyncio.TimerHandle | None = None

    async def turn(self, lane: Lane = Lane.STATE) -> None:
        """Wait until it is this caller's turn."""
        if self._interval <= 0:
            return
        loop = asyncio.get_running_loop()
        entry = (loop.time(), loop.create_future())
        self._waiting[lane].append(entry)
        self._grant()
        try:
            await entry[1]
        except asyncio.CancelledError:
            if entry in self._waiting[lane]:
                self._waiting[lane].remove(entry)
            elif not entry[1].cancelled():
                self._allowance += 1  # it was granted, and is not used
            self._grant()
            raise

    def pause(self, seconds: float) -> None:
        """Give no turn for so long, and no burst after that."""
        now = asyncio.get_running_loop().time()
        self._count(now)
        self._allowance = min(self._allowance, 1.0)
        self._counted_at = max(self._counted_at, now + seconds)
        self._grant()

    def _count(self, now: float) -> None:
        if now > self._counted_at:
            self._allowance = min(self._burst, self._allowance + (now - self._counted_at) / self._interval)
            self._counted_at = now

    def _grant(self) -> None:
        """Give the turns that are due, and come back when the next one is."""
        if self._timer:
            self._timer.cancel()
            self._timer = None
        loop = asyncio.get_running_loop()
        now = loop.time()
        self._count(now)
        while lane := self._next_lane():
            needed, which = lane
            due = self._counted_at + max(0.0, needed - self._allowance) * self._interval
            if due > now + 1e-9:
                self._timer = loop.call_at(due, self._grant)
                return
            _, future = self._waiting[which].popleft()
            if not future.done():
                self._allowance -= 1
                by_fairness = any(self._waiting[lane] for lane in Lane if lane < which)
                self._overtaken = self._overtaken + 1 if self._slower(which) and not by_fairness else 0
                future.set_result(None)

    def _next_lane(self) -> tuple[float, Lane] | None:
        """The lane whose first is next, after how many turns of allowance it needs; None if nobody waits."""
        first = next((lane for lane in Lane if self._waiting[lane]), None)
        if first is None:
            return None
        slower = self._slower(first)
        if slower and self._overtaken >= OVERTAKES:
            return 1.0, min(slower, key=lambda lane: self._waiting[lane][0][0])
        return 1.0 + (self._reserve if first is Lane.PROGRESS else 0), first

    def _slower(self, than: Lane) -> list[Lane]:
        return [lane for lane in Lane if lane > than and self._waiting[lane]]
