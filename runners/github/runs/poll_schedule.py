"""How often a run is polled: often at first, less often later, within GitHub's rate limit.

All times are in intervals (5 seconds by default) since polling of the run started. An answer "unchanged" is free
(docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api, "conditional requests"), any other
answer is a call. Free polls are frequent. Calls are allowed more and more slowly; a quiet time saves calls for a busy
time. A run of 20 minutes may cost 26 calls, a run of an hour 50.
"""

from __future__ import annotations

import math

_SLOWER = ((60, 1), (180, 2), (360, 4))  # up to so many intervals after the start: poll every so many intervals
_SLOWEST = 6
CROWD = 8  # runs polled at once in a repository, beyond which each is polled less often

_AT_ONCE = 2  # calls: the run and its jobs
_EACH_INTERVAL = 4  # calls, one an interval; then one in a quarter of the time that has passed
_STEADY_AFTER = 80  # intervals
_STEADY = 20  # intervals from one call to the next
_GROWN = _EACH_INTERVAL * (1 + math.log(_STEADY_AFTER / _EACH_INTERVAL))

# While webhooks report on a run, polls only cover lost webhooks.
WEBHOOKS_QUIET = 24  # two minutes, after a poll without a change
WEBHOOKS_BUSY = 60  # five minutes, after a poll that cost a call


def pause(passed: float, watched: int) -> float:
    """From one poll to the next: longer as the run gets longer, and the more runs are watched."""
    slower = next((factor for limit, factor in _SLOWER if passed < limit), _SLOWEST)
    return slower * max(1.0, watched / CROWD)


def earliest(calls: int) -> float:
    """The earliest time at which a run may have cost so many calls."""
    allowed = calls - _AT_ONCE
    if allowed <= _EACH_INTERVAL:
        return float(max(allowed, 0))
    if allowed <= _GROWN:
        return _EACH_INTERVAL * math.exp(allowed / _EACH_INTERVAL - 1)
    return _STEADY_AFTER + _STEADY * (allowed - _GROWN)
