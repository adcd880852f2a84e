"""HTTP connections to one service: redirects that keep the token at home, proxies, timeouts, bounded answers."""

from __future__ import annotations

import json
import urllib.request
from contextlib import asynccontextmanager, suppress
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import aiohttp
from yarl import URL

from runners.errors import RunnerError, on_one_line
from runners.http import counts
from runners.http.remote_api import Refusal

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from runners.http.remote_api import RemoteApi

USER_AGENT = "signalbox"
_LARGEST_JSON = 32 << 20  # bytes
_LARGEST_REFUSAL = 1 << 16  # bytes
_LONGEST_GAP = 30.0  # seconds to connect, and between two pieces of an answer
_MOST_REDIRECTS = 5
_CONNECTIONS = 20
_REDIRECTS = (301, 302, 303, 307, 308)


class Connections:
    """Connections to `api` at `address`. They repeat no request. Those of `given` stay the caller's to close."""

    def __init__(self, api: RemoteApi, address: str, given: aiohttp.ClientSession | None = None) -> None:
        self._api = api
        self._address = address
        self._session = given
        self._owns_session = given is None

    @asynccontextmanager
    async def open(
        self, url: str, *, doing: str, timeout: float, headers: Mapping[str, str] | None = None, method: str = "GET"
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """The response of a URL, or of a path below the service's address; a GET follows redirects.

        `headers` (with the token in them) go to the service's own host alone. `timeout` is in seconds, for all of it.

        Raises:
            RunnerError: or one of its kinds, as `RemoteApi.error_for` chooses; also when the stream breaks in the
                caller's hands.
        """
        home = URL(self._address).origin()
        target = URL(self._address + url if url.startswith("/") else url, encoded=True)
        limits = aiohttp.ClientTimeout(total=timeout, sock_connect=_LONGEST_GAP, sock_read=min(timeout, _LONGEST_GAP))
        try:
            for _ in range(_MOST_REDIRECTS + 1):
                own = dict(headers or {}) if target.origin() == home else {}
                async with self._request(method, target, own, limits) as response:
                    if method != "GET" or response.status not in _REDIRECTS:
                        await self._raise_for(response, doing)
                        yield response
                        return
                    target = self._redirected(target, response, doing)
            raise RunnerError(doing, f"{self._api.name} redirects in circles")
        except (aiohttp.ClientError, TimeoutError) as error:
            counts.unanswered(self._api.name)
            raise self._api.no_answer(doing, self._cause(error), changes=False) from None

    def _request(self, method: str, url: URL, headers: dict[str, str], limits: aiohttp.ClientTimeout) -> Any:
        if self._session is None or (self._owns_session and self._session.closed):
            self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=_CONNECTIONS))
        # Not by trust_env: it would also read ~/.netrc, and then refuses an Authorization header of ours.
        return self._session.request(
            method,
            url,
            headers={"User-Agent": USER_AGENT} | headers,
            allow_redirects=False,
            timeout=limits,
            proxy=_proxy_for(url),
        )

    def _redirected(self, url: URL, response: aiohttp.ClientResponse, doing: str) -> URL:
        try:
            target = url.join(URL(response.headers["Location"], encoded=True))
            target.origin()
        except (KeyError, ValueError):
            raise RunnerError(doing, f"{self._api.name} redirects to no address") from None
        if target.scheme not in (url.scheme, "https"):
            raise RunnerError(doing, f"{self._api.name} redirects to an address that is not encrypted")
        return target

    async def _raise_for(self, response: aiohttp.ClientResponse, doing: str) -> None:
        counts.answered(self._api.name, response.status, response.headers)
        if response.status < 300 or response.status == HTTPStatus.NOT_MODIFIED:
            return
        body = await response.content.read(_LARGEST_REFUSAL)
        message = ""
        if response.content_type == "text/plain":  # a storage host's
            message = body.decode("utf-8", "replace")
        with suppress(ValueError):
            message = self._api.message_of(json.loads(body))
        headers = {name.lower(): value for name, value in response.headers.items()}
        raise self._api.error_for(Refusal(response.status, on_one_line(message), headers), doing, changes=False)

    def _cause(self, error: Exception) -> str:
        # Never the error's own text: it may hold a URL with a signature in it.
        if isinstance(error, TimeoutError):
            return f"{self._api.name} does not answer in time"
        if isinstance(error, aiohttp.ClientConnectorError):
            return f"{self._api.name} cannot be reached"
        return f"the connection to {self._api.name} broke"

    async def read(self, response: aiohttp.ClientResponse, doing: str, *, limit: int) -> bytes:
        """A body of at most `limit` bytes. Raises RunnerError for a larger body."""
        body = bytearray()
        async for piece in response.content.iter_chunked(1 << 16):
            body += piece
            if len(body) > limit:
                raise RunnerError(doing, f"{self._api.name}'s answer is larger than {limit >> 20} MB")
        return bytes(body)

    async def read_json(self, response: aiohttp.ClientResponse, doing: str) -> Any:
        """A JSON body of bounded size: a list or an object.

        Raises:
            UnavailableError: the body is neither: something other than the service answered.
        """
        body = await self.read(response, doing, limit=_LARGEST_JSON)
        try:
            document = json.loads(body)
        except (ValueError, RecursionError):
            raise self._api.no_answer(doing, f"{self._api.name}'s answer is no JSON", changes=False) from None
        if not isinstance(document, dict | list):
            raise self._api.no_answer(doing, f"{self._api.name}'s answer makes no sense", changes=False)
        return document

    async def close(self) -> None:
        """Close the connections that were not given."""
        if self._session and self._owns_session:
            await self._session.close()


def _proxy_for(url: URL) -> str | None:
    """The proxy that the machine's settings name for this address."""
    return None if urllib.request.proxy_bypass(url.host or "") else urllib.request.getproxies().get(url.scheme)
