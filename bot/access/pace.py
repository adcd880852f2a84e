"""How many commands a person may type within a minute, so that nobody's script delays the others. Clicks are not counted."""

from __future__ import annotations

import math
from collections import OrderedDict, deque
from typing import TYPE_CHECKING

from bot.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Callable

MINUTE = 60.0
MOST_PEOPLE = 10_000  # remembered; more people than that within a minute are no people


class CommandPace:
    """Counts each person's commands of the last minute, in this process."""

    def __init__(self, most: int, clock: Callable[[], float]) -> None:
        self._most = most
        self._clock = clock
        self._typed: OrderedDict[str, deque[float]] = OrderedDict()

    def check(self, user: str) -> None:
        """Count this command. Raises UserError where the person has typed as many within a minute as they may."""
        now, times = self._clock(), self._typed.setdefault(user, deque())
        self._typed.move_to_end(user)
        while len(self._typed) > MOST_PEOPLE:
            self._typed.popitem(last=False)
        while times and not now - MINUTE < times[0] <= now:  # the clock may be set back
            times.popleft()
        if len(times) >= self._most:
            wait = math.ceil(times[0] + MINUTE - now)
            raise UserError(
                f"You have typed {self._most} commands within a minute, which is the most "
                f"(access.commands_per_minute). This one did nothing. Try again in {wait} s; buttons work meanwhile."
            )
        times.append(now)
