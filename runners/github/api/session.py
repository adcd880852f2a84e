"""GitHub's API over aiohttp: JSON and streams, each request with the token that it is given."""

from __future__ import annotations

from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, TypeVar

import aiohttp
import github
import urllib3.exceptions
from yarl import URL

from runners.concurrency import run_blocking
from runners.errors import RunnerError, TimedOutError
from runners.github.api.answers import Answer
from runners.github.api.errors import Refusal, error_for, message_of, no_answer
from runners.github.api.http import (
    API_VERSION,
    USER_AGENT,
    api_headers,
    next_url,
    proxy_for,
    raise_for,
    read_json,
    why_broken,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

    from github.Repository import Repository


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


T = TypeVar("T")

CALL_TIMEOUT = 45.0  # seconds for one call, which may make several requests


def client_for(api_url: str, token: str, *, timeout: int) -> github.Github:
    """A PyGithub object for one call: it repeats nothing by itself, least of all a POST. `timeout` is in seconds, for a request."""
    return github.Github(
        base_url=api_url,
        auth=github.Auth.Token(token),
        timeout=timeout,
        user_agent=USER_AGENT,
        per_page=100,
        retry=None,
        seconds_between_requests=None,  # these objects live for one call: changes are paced by GitHub.call
        seconds_between_writes=None,
        lazy=True,  # objects are fetched when something of them is read
        api_version=API_VERSION,
    )


async def call_once(
    client: github.Github, repository: str, function: Callable[[Repository], T], *, doing: str, changes: bool
) -> T:
    """Run `function` with the repository's object, and close the client, which `client_for` made for this.

    Raises:
        RunnerError: or one of its kinds, as github_errors words them; with `changes` an open fate is an UncertainError.
    """
    try:
        return await run_blocking(_with_repository, client, repository, function, timeout=CALL_TIMEOUT, doing=doing)
    except github.GithubException as error:
        headers = {name.lower(): str(value) for name, value in (error.headers or {}).items()}
        raise error_for(Refusal(error.status, message_of(error.data), headers), doing, changes=changes) from None
    except TimedOutError as error:
        raise no_answer(doing, error.problem, changes=changes) from None
    except OSError as error:  # the base of what requests raises
        unsent = _never_sent(error)
        problem = "GitHub cannot be reached" if unsent else "the connection to GitHub broke"
        raise no_answer(doing, problem, changes=changes and not unsent) from None
    except (AssertionError, RuntimeError, ValueError, LookupError, TypeError, github.BadAttributeException):
        # PyGithub's checks of an answer, and ours: other hosts' URLs in it, a redirect elsewhere, no JSON.
        raise no_answer(doing, "GitHub's answer makes no sense", changes=changes) from None


def _with_repository(client: github.Github, repository: str, function: Callable[[Repository], T]) -> T:
    try:
        return function(client.get_repo(repository))
    finally:
        client.close()


def _never_sent(error: OSError) -> bool:
    reason = getattr(error.args[0], "reason", None) if error.args else None
    return isinstance(reason, urllib3.exceptions.NewConnectionError | urllib3.exceptions.ConnectTimeoutError)
