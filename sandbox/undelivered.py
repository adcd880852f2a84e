"""Warnings while a receiver cannot be reached: a line when that begins, and a line when a delivery succeeds again."""

from __future__ import annotations

from collections import Counter

import aiohttp


class Undelivered:
    """Counts, for each receiver, the consecutive deliveries that failed.

    `kind` is the noun for a delivery ("webhook"); `like` names the real service that does not retry either.
    """

    def __init__(self, kind: str, *, like: str | None = None) -> None:
        self._kind = kind
        self._sender = f"Like {like}, the sandbox" if like else "The sandbox"
        self._missed: Counter[str] = Counter()

    def missed(self, what: str, url: str, error: aiohttp.ClientError | TimeoutError) -> None:
        """Count a failed delivery. Only the first is reported, as an unreachable receiver misses many."""
        self._missed[url] += 1
        if self._missed[url] == 1:
            print(
                f"The {self._kind} {what} was not delivered to {url}: {_why(error)}. "
                f"{self._sender} sends neither this one again by itself nor any that is lost after it.",
                flush=True,
            )

    def received(self, url: str) -> None:
        """Record that a delivery succeeded."""
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
