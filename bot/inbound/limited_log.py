"""A log for what strangers cause: the first messages of each minute, and how many were left out."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable

MOST = 5  # messages in a period
PERIOD = 60.0  # seconds


class LimitedLog:
    """Warnings of one kind, at most `MOST` in each `PERIOD`; the next period's first one counts those left out."""

    def __init__(self, log: logging.Logger, clock: Callable[[], float] = time.monotonic) -> None:
        self._log = log
        self._clock = clock
        self._began = -PERIOD
        self._logged = 0
        self._left_out = 0

    def warning(self, message: str, *arguments: object) -> None:
        """Log this, unless the period has enough."""
        now = self._clock()
        if now - self._began >= PERIOD:
            self._began, self._logged = now, 0
        if self._logged >= MOST:
            self._left_out += 1
            return
        self._logged += 1
        if self._left_out:
            message, arguments = f"{message} (and %d more like it before)", (*arguments, self._left_out)
            self._left_out = 0
        self._log.warning(message, *arguments)
