"""GitHub on a bad day: gone for a while, slow, out of patience."""

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
    """An answer in GitHub's place for the next `times` requests that fit."""

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
    """What is wrong with GitHub now. `unanswered` counts the requests that an outage met."""

    unanswered: int = 0
    _down_until: float = 0.0
    _how: Outage = "drop"
    _back: asyncio.Event = field(default_factory=asyncio.Event)
    _next: list[_Fault] = field(default_factory=list)

    def down(self, seconds: float = float("inf"), how: Outage = "drop") -> None:
        """From now on, for so many seconds or until `up`: connections break, nobody answers, or a 5xx is all there is."""
        self._down_until, self._how = time.monotonic() + seconds, how
        self._back.clear()

    def up(self) -> None:
        """All is well again, and what was still to go wrong is forgotten."""
        self._down_until = 0.0
        self._back.set()
        self._next.clear()

    @property
    def is_down(self) -> bool:
        """Whether an outage is on."""
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
        """Answer so to the next requests whose path the pattern is found in; `after` the effect has taken place, if so wished."""
        self._next.append(_Fault(status, message, times, method, path, phase, headers or {}))

    def secondary_limit(self, *, times: int = 1, retry_after: int | None = 1, status: Literal[403, 429] = 403) -> None:
        """Refuse the next requests by a secondary rate limit; without `retry_after` GitHub does not say for how long."""
        headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
        self.answer_next(status, message=SECONDARY, times=times, headers=headers)

    async def meet(self, exchange: Exchange) -> None:
        """What befalls a request. Raises GitHubError or DropConnectionError."""
        if exchange.phase == "before" and self.is_down:
            self.unanswered += 1
            await self._outage()
        for fault in self._next:
            if fault.fits(exchange):
                fault.times -= 1
                raise GitHubError(fault.status, fault.message, headers=fault.headers)

    async def _outage(self) -> None:
        if self._how == "hang":
            left = self._down_until - time.monotonic()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._back.wait(), None if math.isinf(left) else left)
            raise DropConnectionError
        if self._how == "drop":
            raise DropConnectionError
        raise GitHubError(self._how, "Server Error")
