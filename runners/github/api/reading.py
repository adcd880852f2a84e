"""Reading again and again what seldom changes: what GitHub says is unchanged costs nothing of the rate limit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from runners.github.api.http import check_repository

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from runners.github import Answer, GitHub

PER_PAGE = 100  # the most that GitHub gives
MOST_PAGES = 10  # nobody reads on


class Reading:
    """GET requests that remember their answers. For one who looks; let it go afterwards."""

    def __init__(self, github: GitHub) -> None:
        self.github = github
        self._known: dict[str, Answer] = {}

    async def get(self, repository: str, path: str, *, doing: str) -> Any:
        """The JSON at `/repos/<repository><path>`.

        Raises:
            RunnerError: or one of its kinds, as github_errors words them.
        """
        check_repository(repository, doing)
        whole = f"/repos/{repository}{path}"
        known = self._known.get(whole)
        answer = await self.github.get(repository, whole, doing=doing, etag=known.etag if known else None)
        if answer.unchanged and known:
            return known.data
        self._known[whole] = answer
        return answer.data

    async def pages(self, repository: str, path: str, *, key: str, doing: str) -> AsyncIterator[dict[str, Any]]:
        """The items of a list, over all its pages; `key` names the list in an answer that also has its total_count."""
        mark, seen = "&" if "?" in path else "?", 0
        for page in range(1, MOST_PAGES + 1):
            data = await self.get(repository, f"{path}{mark}per_page={PER_PAGE}&page={page}", doing=doing)
            for item in data[key]:
                yield item
            seen += len(data[key])
            if not data[key] or seen >= data["total_count"]:
                return
