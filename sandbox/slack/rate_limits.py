"""Slack's rate limits: tiers a method, and one message a second a channel."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sandbox.slack.errors import ApiError

if TYPE_CHECKING:
    from sandbox.slack.clock import Clock


@dataclass(frozen=True)
class Tier:
    """At most `calls` in any `seconds`; `by_channel` counts each channel for itself."""

    calls: int
    seconds: float
    by_channel: bool = False


TIER_2 = Tier(20, 60)
TIER_3 = Tier(50, 60)
TIER_4 = Tier(100, 60)
# "Special" in Slack's documentation: hundreds a minute.
GENEROUS = Tier(600, 60)
# One a second a channel; Slack lets short bursts pass without saying how long, three is careful.
POSTING = Tier(3, 3, by_channel=True)
# Tier 1 on paper, though reconnecting a few times in a row works.
CONNECTING = Tier(10, 60)


class RateLimits:
    """Counts calls. Each answer of 429 counts nothing."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._calls: dict[tuple[str, str], deque[float]] = {}

    def count(self, method: str, tier: Tier, channel: str) -> None:
        """Let one call pass.

        Raises:
            ApiError: ratelimited, status 429, Retry-After in whole seconds.
        """
        now = self._clock.now()
        calls = self._calls.setdefault((method, channel if tier.by_channel else ""), deque())
        while calls and calls[0] <= now - tier.seconds:
            calls.popleft()
        if len(calls) >= tier.calls:
            wait = max(1, math.ceil(calls[0] + tier.seconds - now))
            raise ApiError("ratelimited", status=429, headers={"Retry-After": str(wait)})
        calls.append(now)
