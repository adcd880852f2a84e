"""GitHub's REST API: JSON and streams, each request with the token that it is given."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from runners.github.api.errors import GITHUB
from runners.github.api.reads import Answer
from runners.http import Connections

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

    import aiohttp

API_VERSION = "2022-11-28"


def _headers(token: str) -> dict[str, str]:
    return {
        "Authorization": f"Bearer {token}",
        "Accept": "application/vnd.github+json",
        "X-GitHub-Api-Version": API_VERSION,
    }


class Session:
    """Requests to the API at `api_url`, each sent once. Connections of `given` stay the caller's to close.

    `answer_timeout` is in seconds. Every method raises RunnerError, or one of its kinds, as api/errors.py chooses.
    """

    def __init__(self, api_url: str, given: aiohttp.ClientSession | None, *, answer_timeout: float) -> None:
        self._connections = Connections(GITHUB, api_url, given)
        self._answer_timeout = answer_timeout

    async def get(self, token: str, path: str, *, doing: str, etag: str | None) -> Answer:
        """GET JSON; with `etag` only if it changed since."""
        headers = _headers(token) | ({"If-None-Match": etag} if etag else {})
        async with self._connections.open(path, doing=doing, timeout=self._answer_timeout, headers=headers) as response:
            if response.status == HTTPStatus.NOT_MODIFIED:
                return Answer(None, etag)
            data = await self._connections.read_json(response, doing)
            return Answer(data, response.headers.get("ETag"), response.headers.get("X-OAuth-Scopes"))

    def stream(
        self, token: str, path: str, *, doing: str, timeout: float
    ) -> AbstractAsyncContextManager[aiohttp.ClientResponse]:
        """GET `path` as a stream; redirects are followed, without the token. `timeout` is in seconds, for all of it."""
        return self._connections.open(path, doing=doing, timeout=timeout, headers=_headers(token))

    async def ask_as_app(self, method: str, path: str, jwt: str, doing: str) -> Any:
        """JSON for an App that proves its identity by `jwt`."""
        async with self._connections.open(
            path, doing=doing, timeout=self._answer_timeout, headers=_headers(jwt), method=method
        ) as response:
            return await self._connections.read_json(response, doing)

    async def close(self) -> None:
        """Close the connections that were not given."""
        await self._connections.close()
