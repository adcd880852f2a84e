"""GitHub over HTTP: PyGithub for single objects and for changes, aiohttp for what is polled or streamed."""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, TypeVar

import aiohttp
import github
import urllib3.exceptions
from yarl import URL

from runners.blocking import run_blocking
from runners.errors import AccessDeniedError, RunnerError, TimedOutError, UnavailableError
from runners.github.errors import Refusal, error_for, message_of, no_answer
from runners.github.http import (
    API_VERSION,
    api_headers,
    check_repository,
    next_url,
    proxy_for,
    raise_for,
    read_json,
    why_broken,
)
from runners.github.identity import AppIdentity, Identity, NoIdentity, TokenIdentity
from runners.github.watch import RunPoller

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

    from github.Repository import Repository

    from runners.github.news import RunNews

T = TypeVar("T")

PUBLIC_API = "https://api.github.com"
USER_AGENT = "signalbox"
ANSWER_TIMEOUT = 15  # seconds for one request
CALL_TIMEOUT = 45.0  # seconds for one call of PyGithub, which may make several requests
READ_TRIES = 3
LONGEST_WAIT = 10.0  # seconds that a read waits for GitHub's rate limit by itself


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


class GitHub:
    """One identity on one GitHub (github.com, or an Enterprise server whose API is at `api_url`).

    With neither `token` nor `app_id` and `private_key` every call raises AccessDeniedError. `session` stays the
    caller's to close. `write_pause` is the least time in seconds between two changes: GitHub asks for one
    second. `read_pause` is the first wait before a failed read is tried again.
    """

    def __init__(
        self,
        api_url: str = PUBLIC_API,
        *,
        token: str | None = None,
        app_id: str | None = None,
        private_key: str | None = None,
        session: aiohttp.ClientSession | None = None,
        write_pause: float = 1.0,
        read_pause: float = 0.5,
    ) -> None:
        self.api_url = api_url.rstrip("/")
        self.pollers: dict[str, RunPoller] = {}
        self._identity = self._make_identity(token, app_id, private_key)
        self._session = session
        self._owns_session = session is None
        self._write_pause = write_pause
        self._read_pause = read_pause
        self._writing = asyncio.Lock()
        self._last_write = float("-inf")
        self._login: str | None = None

    def _make_identity(self, token: str | None, app_id: str | None, private_key: str | None) -> Identity:
        if token:
            return TokenIdentity(token)
        if app_id and private_key:
            return AppIdentity(app_id, private_key, self._ask_as_app)
        return NoIdentity()

    async def token(self, repository: str | None = None) -> str:
        """A token that is valid now.

        Raises:
            AccessDeniedError: there is none, or the App's key is refused.
        """
        return await self._identity.token(repository)

    async def permissions(self, repository: str) -> Mapping[str, str] | None:
        """What an App's installation may do in this repository, by permission; None for a token.

        Raises:
            NotFoundError: the App is not installed there.
        """
        return await self._identity.permissions(repository)

    def poller(self, repository: str) -> RunPoller:
        """The one that looks at this repository's runs, for all who watch them."""
        return self.pollers.setdefault(repository, RunPoller(self, repository))

    def hint(self, news: RunNews) -> None:
        """Take what a webhook says of a run; `news.repository` is written as those who watch it write it."""
        self.poller(news.repository).hint(news)

    async def login(self, repository: str) -> str | None:
        """The name under which our runs appear; None when GitHub does not tell this kind of token."""
        if self._login is None:
            self._login = await self._ask_login(repository)
        return self._login or None

    async def _ask_login(self, repository: str) -> str:
        doing = "asking GitHub who we are"
        if isinstance(self._identity, AppIdentity):
            app = await self._ask_as_app("GET", "/app", self._identity.jwt(), doing)
            return f"{app['slug']}[bot]"
        try:
            return str((await self.get(repository, "/user", doing=doing)).data["login"])
        except UnavailableError:
            raise
        except RunnerError:  # a token that is no user's
            return ""

    def rest(self, token: str) -> github.Github:
        """A PyGithub object for one call: it repeats nothing by itself, least of all a POST (see `call`)."""
        return github.Github(
            base_url=self.api_url,
            auth=github.Auth.Token(token),
            timeout=ANSWER_TIMEOUT,
            user_agent=USER_AGENT,
            per_page=100,
            retry=None,
            seconds_between_requests=None,  # these objects live for one call: changes are paced in `call`
            seconds_between_writes=None,
            lazy=True,  # objects are fetched when something of them is read
            api_version=API_VERSION,
        )

    async def call(
        self, repository: str, function: Callable[[Repository], T], *, doing: str, changes: bool = False
    ) -> T:
        """Run `function` on a thread with PyGithub's repository object.

        Reads are repeated when GitHub does not answer; with `changes` nothing ever is, and an open fate is an
        UncertainError.

        Raises:
            RunnerError: or one of its kinds, as github_errors words them.
        """
        check_repository(repository, doing)

        async def once() -> T:
            return await self._with_token(
                repository, lambda token: self._call_once(token, repository, function, doing, changes=changes)
            )

        if not changes:
            return await self.repeating(once)
        await self.repeating(lambda: self.token(repository))
        async with self._writing:
            await asyncio.sleep(self._last_write + self._write_pause - time.monotonic())
            try:
                return await once()
            finally:
                self._last_write = time.monotonic()

    async def _with_token(self, repository: str | None, use: Callable[[str], Awaitable[T]]) -> T:
        """Use a token; when GitHub refuses it (nothing happened then) and another can be had, once more with that."""
        token = await self.token(repository)
        try:
            return await use(token)
        except AccessDeniedError:
            if not self._identity.renewable(token):
                raise
            return await use(await self.token(repository))

    async def _call_once(
        self, token: str, repository: str, function: Callable[[Repository], T], doing: str, *, changes: bool
    ) -> T:
        client = self.rest(token)
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

    async def get(self, repository: str | None, path: str, *, doing: str, etag: str | None = None) -> Answer:
        """GET JSON; with `etag` only if it changed since (an authorised 304 costs nothing of the rate limit).

        Raises:
            RunnerError: or one of its kinds, as github_errors words them.
        """

        async def once(token: str) -> Answer:
            return await self._get_once(token, path, doing, etag)

        return await self.repeating(lambda: self._with_token(repository, once))

    async def _get_once(self, token: str, path: str, doing: str, etag: str | None) -> Answer:
        extra = {"If-None-Match": etag} if etag else {}
        async with self._stream(token, path, doing, ANSWER_TIMEOUT, extra) as response:
            if response.status == HTTPStatus.NOT_MODIFIED:
                return Answer(None, etag)
            found = await read_json(response, doing)
            return Answer(found, response.headers.get("ETag"), response.headers.get("X-OAuth-Scopes"))

    @asynccontextmanager
    async def stream(
        self, repository: str | None, path: str, *, doing: str, timeout: float
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """GET `path` as a stream, wherever GitHub redirects to; our token goes to GitHub's API alone.

        Raises:
            RunnerError: or one of its kinds, also when the stream breaks in the caller's hands.
        """
        async with AsyncExitStack() as stack:

            async def opened(token: str) -> aiohttp.ClientResponse:
                return await stack.enter_async_context(self._stream(token, path, doing, timeout, {}))

            yield await self._with_token(repository, opened)

    @asynccontextmanager
    async def _stream(
        self, token: str, path: str, doing: str, timeout: float, extra: dict[str, str]
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        home = URL(self.api_url).origin()
        url = URL(self.api_url + path, encoded=True)
        limits = aiohttp.ClientTimeout(total=timeout, sock_read=min(timeout, 30.0))
        try:
            for _ in range(6):
                headers = api_headers(token) | extra if url.origin() == home else {}
                async with self._request("GET", url, headers, limits) as response:
                    if response.status not in (301, 302, 303, 307, 308):
                        await raise_for(response, doing)
                        yield response
                        return
                    url = next_url(url, response, doing)
            raise RunnerError(doing, "GitHub redirects in circles")
        except (aiohttp.ClientError, TimeoutError) as error:
            raise no_answer(doing, why_broken(error), changes=False) from None

    def _request(self, method: str, url: URL, headers: dict[str, str], limits: aiohttp.ClientTimeout) -> Any:
        if self._session is None or (self._owns_session and self._session.closed):
            self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=20))
        # Not by trust_env: it would also read ~/.netrc, and then refuses an Authorization header of ours.
        return self._session.request(
            method,
            url,
            headers={"User-Agent": USER_AGENT} | headers,
            allow_redirects=False,
            timeout=limits,
            proxy=proxy_for(url),
        )

    async def _ask_as_app(self, method: str, path: str, jwt: str, doing: str) -> Any:
        limits = aiohttp.ClientTimeout(total=ANSWER_TIMEOUT)
        try:
            async with self._request(
                method, URL(self.api_url + path, encoded=True), api_headers(jwt), limits
            ) as response:
                await raise_for(response, doing)
                return await read_json(response, doing)
        except (aiohttp.ClientError, TimeoutError) as error:
            raise no_answer(doing, why_broken(error), changes=False) from None

    async def repeating(self, read: Callable[[], Awaitable[T]]) -> T:
        """Read, and try twice more when GitHub does not answer; waits for its rate limit if that is soon over."""
        for attempt in range(1, READ_TRIES):
            try:
                return await read()
            except UnavailableError as error:
                pause = self._read_pause * 2 ** (attempt - 1)
                if error.retry_at:
                    pause = (error.retry_at - datetime.now(UTC)).total_seconds()
                if pause > LONGEST_WAIT:
                    raise
                await asyncio.sleep(max(pause, 0.0))
        return await read()

    async def close(self) -> None:
        """End what is watched and close the connections that are ours."""
        for poller in list(self.pollers.values()):
            await poller.close()
        if self._session and self._owns_session:
            await self._session.close()


def _with_repository(client: github.Github, repository: str, function: Callable[[Repository], T]) -> T:
    try:
        return function(client.get_repo(repository))
    finally:
        client.close()


def _never_sent(error: OSError) -> bool:
    reason = getattr(error.args[0], "reason", None) if error.args else None
    return isinstance(reason, urllib3.exceptions.NewConnectionError | urllib3.exceptions.ConnectTimeoutError)
