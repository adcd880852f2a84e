"""The time: seconds that pass by the machine's steady counter, so that a step of its clock ends no deadline.

The clock starts as the machine's says. References (the database's clock, else Slack's `Date`) correct it. What the
machine's own clock says beside them is reported: Slack's requests are signed with Slack's time.
"""

from __future__ import annotations

import logging
import time
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

log = logging.getLogger(__name__)
_COUNTER = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)  # Linux counts the time of a suspended machine as well
NOTICED = 5.0  # seconds: smaller differences are left to the machine's time service
SLOWEST = 10.0  # seconds that an answer may take and still say what time it is
REPORTED = 30.0  # seconds between the machine's clock and Slack's that are reported
REFUSED = (
    300.0  # beyond which Slack's requests are refused: docs.slack.dev/authentication/verifying-requests-from-slack
)


def steady() -> float:
    """Seconds since the machine started, by a counter that nobody sets."""
    return time.clock_gettime(_COUNTER)


class Clock:
    """Unix seconds. Calling it gives the time; `wall` is the machine's clock, `elapsed` its steady counter."""

    def __init__(self, wall: Callable[[], float] = time.time, elapsed: Callable[[], float] = steady) -> None:
        self.wall = wall
        self.elapsed = elapsed
        self._offset = self._walls = wall() - elapsed()
        self._slack: float | None = None  # Slack's time less the counter
        self.follows_slack = True  # else something better corrects it: the clock of the database that several share

    def __call__(self) -> float:
        """The time now."""
        return self._offset + self.elapsed()

    def correct(self, reference: float, began: float, source: str) -> None:
        """Follow this reference (Unix seconds), which was read between `began` (of the counter) and now."""
        ended = self.elapsed()
        offset, doubt = reference - (began + ended) / 2, (ended - began) / 2
        if doubt > SLOWEST / 2 or abs(offset - self._offset) <= NOTICED + doubt:
            return
        log.warning("times are now %s's: Signalbox's clock was %s", source, _off(self._offset - offset, source))
        self._offset = offset

    def hear_slack(self, headers: Mapping[str, str], began: float) -> None:
        """Note the `Date` of an answer of Slack to a call that began then (of the counter)."""
        dates = [value for name, value in headers.items() if name.lower() == "date"]
        try:
            # The header has whole seconds: in the middle of one, on average.
            date = parsedate_to_datetime(str(dates[0])).timestamp() + 0.5
        except (IndexError, ValueError, TypeError):
            return
        if self.elapsed() - began > SLOWEST:
            return
        self._slack = date - (began + self.elapsed()) / 2
        if self.follows_slack:
            self.correct(date, began, "Slack")

    def in_slack_time(self, at: float) -> float:
        """This time of ours as Slack's clock showed it; the same as long as Slack has not been heard."""
        return at if self._slack is None else at - self._offset + self._slack

    @property
    def skew(self) -> float:
        """Seconds that the machine's clock is ahead of Slack's; negative behind, 0 as long as Slack was not heard."""
        return 0.0 if self._slack is None else self.wall() - self.elapsed() - self._slack

    def jump(self) -> float:
        """Seconds by which the machine's clock was set since the last call; 0 for what is too small to notice."""
        walls = self.wall() - self.elapsed()
        by, self._walls = walls - self._walls, walls
        return by if abs(by) > NOTICED else 0.0

    def problem(self, *, signed: bool = True) -> str:
        """What is wrong with the machine's clock, in words; empty if nothing is. `signed`: Slack's requests come signed."""
        if abs(self.skew) <= REPORTED:
            return ""
        words = f"the machine's clock is {_off(self.skew, 'Slack')}"
        if not signed:
            return words
        if abs(self.skew) > REFUSED:
            return f"{words}; Slack's requests are refused until it is right"
        return f"{words}; Slack's requests are refused beyond {REFUSED:.0f} s"

    @property
    def refuses(self) -> bool:
        """Whether the machine's clock is so wrong that what Slack signs is refused."""
        return abs(self.skew) > REFUSED


def _off(seconds: float, whose: str) -> str:
    return f"{abs(seconds):.0f} s {'ahead of' if seconds > 0 else 'behind'} {whose}'s"
