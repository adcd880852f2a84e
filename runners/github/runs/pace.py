"""How often a run is looked at: as often as its news are worth, within what GitHub's rate limit lets it have.

All times are in intervals, 5 seconds by default, since the run began to be watched. An answer that says "unchanged" is
free (docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api, "conditional requests"), any
other one is a call. Looks that cost nothing are frequent; calls are given out more and more slowly, and what a quiet time
did not use is there when much happens. A run of 20 minutes is given 26, one of an hour 50.
"""

from __future__ import annotations

import math

_SLOWER = ((60, 1), (180, 2), (360, 4))  # up to so many intervals after the start: look every so many intervals
_SLOWEST = 6
CROWD = 8  # runs watched at once in a repository, beyond which each is looked at less often

_AT_ONCE = 2  # calls: the run and its jobs
_EACH_INTERVAL = 4  # calls, one an interval; then one in a quarter of the time that has passed
_STEADY_AFTER = 80  # intervals
_STEADY = 20  # intervals from one call to the next
_GROWN = _EACH_INTERVAL * (1 + math.log(_STEADY_AFTER / _EACH_INTERVAL))

# While webhooks tell of a run, looks are only there for what they might not have told.
TOLD_QUIET = 24  # two minutes, after a look that found nothing new
TOLD_BUSY = 60  # five minutes, after one that cost a call


def pause(passed: float, watched: int) -> float:
    """From one look to the next: longer as the run gets longer, and the more runs are watched."""
    slower = next((factor for limit, factor in _SLOWER if passed < limit), _SLOWEST)
    return slower * max(1.0, watched / CROWD)


def earliest(calls: int) -> float:
    """When a run may have cost so many calls."""
    given = calls - _AT_ONCE
    if given <= _EACH_INTERVAL:
        return float(max(given, 0))
    if given <= _GROWN:
        return _EACH_INTERVAL * math.exp(given / _EACH_INTERVAL - 1)
    return _STEADY_AFTER + _STEADY * (given - _GROWN)
