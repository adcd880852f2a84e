"""GitHub's API over aiohttp: JSON and streams, each request with the token that it is given."""

from __future__ import annotations

from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import aiohttp
from yarl import URL

from runners.errors import RunnerError
from runners.github.answers import Answer
from runners.github.errors import no_answer
from runners.github.http import USER_AGENT, api_headers, next_url, proxy_for, raise_for, read_json, why_broken

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping


class Session:
    """Connections to the API at `api_url`; nothing is repeated. Those of `given` stay the caller's to close.

    `answer_timeout` is in seconds. Every method raises RunnerError, or one of its kinds, as github_errors words them.
    """

    def __init__(self, api_url: str, given: aiohttp.ClientSession | None, *, answer_timeout: float) -> None:
        self._api_url = api_url
        self._connections = given
        self._owns_connections = given is None
        self._answer_timeout = answer_timeout

    async def get(self, token: str, path: str, *, doing: str, etag: str | None) -> Answer:
        """GET JSON; with `etag` only if it changed since."""
        extra = {"If-None-Match": etag} if etag else {}
        async with self.stream(token, path, doing=doing, timeout=self._answer_timeout, extra=extra) as response:
            if response.status == HTTPStatus.NOT_MODIFIED:
                return Answer(None, etag)
            found = await read_json(response, doing)
            return Answer(found, response.headers.get("ETag"), response.headers.get("X-OAuth-Scopes"))

    @asynccontextmanager
    async def stream(
        self, token: str, path: str, *, doing: str, timeout: float, extra: Mapping[str, str] | None = None
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """GET `path` as a stream, wherever GitHub redirects to; token and `extra` headers go to GitHub's API alone.

        `timeout` is in seconds, for all of it.
        """
        home = URL(self._api_url).origin()
        url = URL(self._api_url + path, encoded=True)
        limits = aiohttp.ClientTimeout(total=timeout, sock_read=min(timeout, 30.0))
        try:
            for _ in range(6):
                headers = api_headers(token) | dict(extra or {}) if url.origin() == home else {}
                async with self._request("GET", url, headers, limits) as response:
                    if response.status not in (301, 302, 303, 307, 308):
                        await raise_for(response, doing)
                        yield response
                        return
                    url = next_url(url, response, doing)
            raise RunnerError(doing, "GitHub redirects in circles")
        except (aiohttp.ClientError, TimeoutError) as error:
            raise no_answer(doing, why_broken(error), changes=False) from None

    async def ask_as_app(self, method: str, path: str, jwt: str, doing: str) -> Any:
        """JSON for an App that shows who it is by `jwt`."""
        limits = aiohttp.ClientTimeout(total=self._answer_timeout)
        try:
            async with self._request(
                method, URL(self._api_url + path, encoded=True), api_headers(jwt), limits
            ) as response:
                await raise_for(response, doing)
                return await read_json(response, doing)
        except (aiohttp.ClientError, TimeoutError) as error:
            raise no_answer(doing, why_broken(error), changes=False) from None

    def _request(self, method: str, url: URL, headers: dict[str, str], limits: aiohttp.ClientTimeout) -> Any:
        if self._connections is None or (self._owns_connections and self._connections.closed):
            self._connections = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=20))
        # Not by trust_env: it would also read ~/.netrc, and then refuses an Authorization header of ours.
        return self._connections.request(
            method,
            url,
            headers={"User-Agent": USER_AGENT} | headers,
            allow_redirects=False,
            timeout=limits,
            proxy=proxy_for(url),
        )

    async def close(self) -> None:
        """Close the connections that are ours."""
        if self._connections and self._owns_connections:
            await self._connections.close()
