"""Warnings while a receiver is away: a line when it begins, and a line when something gets through again."""

from __future__ import annotations

from collections import Counter

import aiohttp


class Undelivered:
    """Counts, for each receiver, the deliveries in a row that it did not get.

    `kind` is what they are called, e.g. webhook; `like` names who in life does not send them again either.
    """

    def __init__(self, kind: str, *, like: str | None = None) -> None:
        self._kind = kind
        self._sender = f"Like {like}, the sandbox" if like else "The sandbox"
        self._missed: Counter[str] = Counter()

    def missed(self, what: str, url: str, error: aiohttp.ClientError | TimeoutError) -> None:
        """Count a lost delivery. Only the first is reported: a receiver that is away misses many."""
        self._missed[url] += 1
        if self._missed[url] == 1:
            print(
                f"The {self._kind} {what} was not delivered to {url}: {_why(error)}. "
                f"{self._sender} sends neither this one again by itself nor any that is lost after it.",
                flush=True,
            )

    def received(self, url: str) -> None:
        """One got there."""
        number = self._missed.pop(url, 0)
        if number:
            lost = "1 was lost" if number == 1 else f"{number} were lost"
            print(f"{self._kind.capitalize()}s get through to {url} again; {lost}.", flush=True)


def _why(error: aiohttp.ClientError | TimeoutError) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, aiohttp.ClientConnectorError):
        return "nobody listens there"
    return "the connection broke before an answer"
