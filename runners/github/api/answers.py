"""What GitHub answers to a look, and who can be asked: all that those need who look again and again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Answer:
    """JSON from GitHub. `data` is None when nothing changed since `etag`; `scopes` are a classic token's, None for others."""

    data: Any
    etag: str | None
    scopes: str | None = None

    @property
    def unchanged(self) -> bool:
        """Whether GitHub said 304."""
        return self.data is None


class Source(Protocol):
    """Whom to ask; GitHub's client is one."""

    async def get(self, repository: str | None, path: str, *, doing: str, etag: str | None = None) -> Answer:
        """The JSON at a path of the API. Raises RunnerError, or one of its kinds."""
