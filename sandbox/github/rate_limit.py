"""GitHub's hourly rate limit, counted per token."""

from __future__ import annotations

import time
from collections import defaultdict
from dataclasses import dataclass, field

HOURLY = 5_000
HOUR = 3_600


def _starts_at_nothing() -> defaultdict[str, int]:
    return defaultdict(int)


@dataclass(slots=True)
class RateLimit:
    """`limit` requests in an hour for each token; tests may set it low."""

    limit: int = HOURLY
    _used: defaultdict[str, int] = field(default_factory=_starts_at_nothing)
    _reset: int = field(default_factory=lambda: int(time.time()) + HOUR)

    def exhausted(self, token: str) -> bool:
        """Whether this hour's limit is used up."""
        self._renew()
        return self._used[token] >= self.limit

    def count(self, token: str) -> None:
        """Count a request."""
        self._used[token] += 1

    def usage(self, token: str) -> dict[str, int | str]:
        """The values of GET /rate_limit; `reset` in Unix seconds."""
        self._renew()
        used = min(self._used[token], self.limit)
        return {"limit": self.limit, "used": used, "remaining": self.limit - used, "reset": self._reset}

    def headers(self, token: str) -> dict[str, str]:
        """The headers of every answer."""
        headers = {f"X-RateLimit-{key.title()}": str(value) for key, value in self.usage(token).items()}
        return {**headers, "X-RateLimit-Resource": "core"}

    def _renew(self) -> None:
        if time.time() >= self._reset:
            self._used.clear()
            self._reset = int(time.time()) + HOUR
