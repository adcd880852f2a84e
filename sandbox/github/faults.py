"""Faults of GitHub: outages, errors, secondary rate limits."""

from __future__ import annotations

import asyncio
import math
import re
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from sandbox.exchanges import DropConnectionError
from sandbox.github.web import GitHubError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox.exchanges import Exchange

Outage = Literal["drop", "hang", 500, 502, 503, 504]
SECONDARY = (
    "You have exceeded a secondary rate limit. Please wait a few minutes before you try again. "
    "If you reach out to GitHub Support for help, please include the request ID."
)


@dataclass(slots=True)
class _Fault:
    """An error for the next `times` matching requests."""

    status: int
    message: str
    times: int
    method: str | None
    path: str
    phase: str
    headers: Mapping[str, str]

    def fits(self, exchange: Exchange) -> bool:
        same = self.method in (None, exchange.method) and exchange.phase == self.phase
        return self.times > 0 and same and re.search(self.path, exchange.path) is not None


@dataclass(slots=True)
class Faults:
    """The present faults of GitHub. `unanswered` counts the requests during an outage."""

    unanswered: int = 0
    _down_until: float = 0.0
    _how: Outage = "drop"
    _back: asyncio.Event = field(default_factory=asyncio.Event)
    _next: list[_Fault] = field(default_factory=list)

    def down(self, seconds: float = float("inf"), how: Outage = "drop") -> None:
        """Start an outage for `seconds` or until `up`: broken connections, no answers, or a 5xx."""
        self._down_until, self._how = time.monotonic() + seconds, how
        self._back.clear()

    def up(self) -> None:
        """End the outage and drop all further faults."""
        self._down_until = 0.0
        self._back.set()
        self._next.clear()

    @property
    def is_down(self) -> bool:
        """Whether there is an outage."""
        return time.monotonic() < self._down_until

    def answer_next(
        self,
        status: int,
        *,
        message: str = "Server Error",
        times: int = 1,
        method: str | None = None,
        path: str = "",
        phase: Literal["before", "after"] = "before",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Answer with this error to the next requests whose path matches, before or after their effect."""
        self._next.append(_Fault(status, message, times, method, path, phase, headers or {}))

    def secondary_limit(self, *, times: int = 1, retry_after: int | None = 1, status: Literal[403, 429] = 403) -> None:
        """Refuse the next requests by a secondary rate limit; without `retry_after` GitHub gives no time."""
        headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
        self.answer_next(status, message=SECONDARY, times=times, headers=headers)

    async def meet(self, exchange: Exchange) -> None:
        """Apply the faults to a request. Raises GitHubError or DropConnectionError."""
        if exchange.phase == "before" and self.is_down:
            self.unanswered += 1
            await self._outage()
        for fault in self._next:
            if fault.fits(exchange):
                fault.times -= 1
                raise GitHubError(fault.status, fault.message, headers=fault.headers)

    async def _outage(self) -> None:
        if self._how == "hang":
            remaining = self._down_until - time.monotonic()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._back.wait(), None if math.isinf(remaining) else remaining)
            raise DropConnectionError
        if self._how == "drop":
            raise DropConnectionError
        raise GitHubError(self._how, "Server Error")
