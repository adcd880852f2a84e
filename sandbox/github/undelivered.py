"""What a person is told while webhooks reach nobody: one line when it begins, and one when they get through again."""

from __future__ import annotations

from collections import Counter

import aiohttp


class Undelivered:
    """Counts, for each receiver, the deliveries in a row that it did not get."""

    def __init__(self) -> None:
        self._missed: Counter[str] = Counter()

    def missed(self, what: str, url: str, error: aiohttp.ClientError | TimeoutError) -> None:
        """One did not get there; told of the first alone, since a receiver that is away misses many."""
        self._missed[url] += 1
        if self._missed[url] == 1:
            print(
                f"The webhook {what} was not delivered to {url}: {_why(error)}. "
                "Like the real GitHub, the sandbox sends neither this one again by itself nor any that is lost after it.",
                flush=True,
            )

    def received(self, url: str) -> None:
        """One got there."""
        number = self._missed.pop(url, 0)
        if number:
            lost = "1 was lost" if number == 1 else f"{number} were lost"
            print(f"Webhooks get through to {url} again; {lost}.", flush=True)


def _why(error: aiohttp.ClientError | TimeoutError) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, aiohttp.ClientConnectorError):
        return "nobody listens there"
    return "the connection broke before an answer"
