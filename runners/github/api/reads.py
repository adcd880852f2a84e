"""Conditional reads: an answer that is unchanged since its ETag costs nothing of the rate limit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from runners.github.api.errors import check_repository

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

PER_PAGE = 100  # the most that GitHub gives
MOST_PAGES = 10  # nobody reads on


@dataclass(frozen=True, slots=True)
class Answer:
    """JSON from GitHub. `data` is None when nothing changed since `etag`; `scopes` are a classic token's, None for others."""

    data: Any
    etag: str | None
    scopes: str | None = None

    @property
    def unchanged(self) -> bool:
        """Whether GitHub answered 304."""
        return self.data is None


class Reader(Protocol):
    """What reads GitHub's API; `GitHub` is the implementation."""

    async def get(self, repository: str | None, path: str, *, doing: str, etag: str | None = None) -> Answer:
        """The JSON at a path of the API. Raises RunnerError, or one of its kinds."""


class CachedReads:
    """GET requests that cache their answers and repeat them with their ETags. Keep an object for one task only."""

    def __init__(self, github: Reader) -> None:
        self._github = github
        self._answers: dict[str, Answer] = {}

    async def get(self, repository: str, path: str, *, doing: str) -> Any:
        """The JSON at `/repos/<repository><path>`.

        Raises:
            RunnerError: or one of its kinds, as api/errors.py chooses.
        """
        check_repository(repository, doing)
        whole = f"/repos/{repository}{path}"
        cached = self._answers.get(whole)
        answer = await self._github.get(repository, whole, doing=doing, etag=cached.etag if cached else None)
        if answer.unchanged and cached:
            return cached.data
        self._answers[whole] = answer
        return answer.data

    async def pages(self, repository: str, path: str, *, key: str, doing: str) -> AsyncIterator[dict[str, Any]]:
        """The items of a list, over all its pages; `key` names the list in an answer that also has its total_count."""
        separator, count = "&" if "?" in path else "?", 0
        for page in range(1, MOST_PAGES + 1):
            data = await self.get(repository, f"{path}{separator}per_page={PER_PAGE}&page={page}", doing=doing)
            for item in data[key]:
                yield item
            count += len(data[key])
            if not data[key] or count >= data["total_count"]:
                return
