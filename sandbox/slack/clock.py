"""The stand-in's clock, which tests can move forward."""

from __future__ import annotations

import time


class Clock:
    """Seconds since the epoch, plus whatever it was moved ahead."""

    def __init__(self) -> None:
        self._ahead = 0.0

    def now(self) -> float:
        """Seconds since the epoch as Slack's side sees them."""
        return time.time() + self._ahead

    def advance(self, seconds: float) -> None:
        """Let `seconds` pass for triggers, response URLs and rate limits."""
        self._ahead += seconds
