"""A service's HTTP API: the error that each refusal means, and how a failed read is repeated."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING, TypeVar

from runners.concurrency import run_blocking
from runners.errors import RunnerError, TimedOutError, UnavailableError, UncertainError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

T = TypeVar("T")

_RATE_LIMIT_WAIT = timedelta(minutes=1)  # where the service names no time; GitHub's own advice
# What a client library raises for an answer that it cannot read.
_UNREADABLE = (AssertionError, RuntimeError, ValueError, LookupError, TypeError)


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer with a status of 300 or more. `headers` have lower-case names; `message` is the service's own text."""

    status: int
    message: str
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def reason(self) -> str:
        """The message, or a substitute for an empty message."""
        return self.message or "no reason given"


@dataclass(frozen=True, slots=True)
class RemoteApi:
    """One service's API, with the texts of its errors.

    `errors` make the error of a refusal from its status. `message_of` reads the service's message from the JSON body of
    a refusal. `check_first` is the remedy after a change whose answer was lost, `redirect_remedy` the remedy after an
    unexpected redirect. `rate_limit_statuses` are the statuses that can mean a rate limit; other than 429 they do with its
    headers, or with one of `rate_limit_words` in the message.
    """

    name: str
    status_page: str
    check_first: str
    redirect_remedy: str
    rate_limit: str
    errors: Mapping[int, Callable[[Refusal, str], RunnerError]]
    message_of: Callable[[object], str]
    rate_limit_statuses: frozenset[int] = frozenset({HTTPStatus.TOO_MANY_REQUESTS})
    rate_limit_words: tuple[str, ...] = ("rate limit",)

    def error_for(self, refusal: Refusal, doing: str, *, changes: bool, now: datetime | None = None) -> RunnerError:
        """The error that a refusal means for `doing`; `changes` when the request was to change something."""
        status = refusal.status
        if status >= 500:
            return self.no_answer(doing, f"{self.name} answered with its error {status}", changes=changes)
        if status in self.rate_limit_statuses and self._is_rate_limit(refusal):
            return self._rate_limited(refusal, doing, now or datetime.now(UTC))
        if status in self.errors:
            return self.errors[status](refusal, doing)
        if status < 400:
            return RunnerError(doing, f"{self.name} sent us elsewhere ({status})", remedy=self.redirect_remedy)
        return RunnerError(doing, f"{self.name} refused ({status}): {refusal.reason}")

    def no_answer(self, doing: str, problem: str, *, changes: bool) -> UnavailableError:
        """The error for a request without a usable answer: uncertain when the request was to change something."""
        if changes:
            return UncertainError(doing, f"{problem}; it may have happened all the same", remedy=self.check_first)
        remedy = f"Try again in a few minutes; {self.status_page} tells of outages."
        return UnavailableError(doing, problem, remedy=remedy)

    def _is_rate_limit(self, refusal: Refusal) -> bool:
        if refusal.status == HTTPStatus.TOO_MANY_REQUESTS:
            return True
        # The headers come with every answer: with a 422 the last request of an hour may be wrong all the same.
        by_headers = refusal.status == HTTPStatus.FORBIDDEN and (
            "retry-after" in refusal.headers or refusal.headers.get("x-ratelimit-remaining") == "0"
        )
        message = refusal.message.lower()
        return by_headers or any(words in message for words in self.rate_limit_words)

    def _rate_limited(self, refusal: Refusal, doing: str, now: datetime) -> UnavailableError:
        until = _end_of_rate_limit(refusal.headers, now)
        remedy = "Wait until then; if it happens often, see what else uses the same token."
        return UnavailableError(doing, f"{self.rate_limit} until {until:%H:%M:%S} UTC", remedy=remedy, retry_at=until)

    async def call_on_thread(self, function: Callable[[], T], *, doing: str, changes: bool, timeout: float) -> T:
        """Run a call of a client library on a thread, once; the call raises RunnerError for the library's own errors.

        `timeout` is in seconds, for all requests of the call together.

        Raises:
            UnavailableError: no usable answer; UncertainError when the call was to change something.
        """
        try:
            return await run_blocking(function, timeout=timeout, doing=doing)
        except TimedOutError as error:
            raise self.no_answer(doing, error.problem, changes=changes) from None
        except _UNREADABLE:
            raise self.no_answer(doing, f"{self.name}'s answer makes no sense", changes=changes) from None


def _end_of_rate_limit(headers: Mapping[str, str], now: datetime) -> datetime:
    # The order is GitHub's own: retry-after, else the reset where nothing remains, else a minute.
    # https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api
    after, reset = headers.get("retry-after", ""), headers.get("x-ratelimit-reset", "")
    if after.isdigit():
        return now + timedelta(seconds=int(after))
    # GitHub's reset is a time (seconds since 1970), HCP Terraform's a number of seconds.
    if headers.get("x-ratelimit-remaining") == "0" and reset.isdigit() and int(reset) >= now.timestamp():
        return datetime.fromtimestamp(int(reset), UTC)
    return now + _RATE_LIMIT_WAIT


async def repeat_read(read: Callable[[], Awaitable[T]], *, pauses: Sequence[float], longest_pause: float) -> T:
    """The result of `read`, repeated after each of `pauses` (seconds) while the service is unavailable.

    A rate limit is waited out. Only for requests that change nothing.

    Raises:
        UnavailableError: the last attempt failed, or a rate limit ends later than `longest_pause` seconds from now.
    """
    for pause in pauses:
        try:
            return await read()
        except UnavailableError as error:
            rate_limited = (error.retry_at - datetime.now(UTC)).total_seconds() if error.retry_at else 0.0
            if max(pause, rate_limited) > longest_pause:
                raise
            await asyncio.sleep(max(pause, rate_limited))
    return await read()
