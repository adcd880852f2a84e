"""The client of GitHub: one identity with its tokens, repeated reads, paced changes and shared pollers."""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, TypeVar

from runners.errors import AccessDeniedError, RunnerError, UnavailableError
from runners.github.api.errors import check_repository
from runners.github.api.identity import AppIdentity, Identity, NoIdentity, TokenIdentity
from runners.github.api.session import Session
from runners.github.runs.poller import RunPoller
from runners.http import repeat_read

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

    import aiohttp
    from github.Repository import Repository

    from runners.github.api.reads import Answer
    from runners.github.runs.events import RunEvent

T = TypeVar("T")

PUBLIC_API = "https://api.github.com"
ANSWER_TIMEOUT = 15  # seconds for one request
LONGEST_WAIT = 10.0  # seconds that a read waits for the end of a rate limit


class GitHub:
    """One identity on one GitHub (github.com, or an Enterprise server whose API is at `api_url`).

    With neither `token` nor `app_id` and `private_key` every call raises AccessDeniedError. `session` stays the
    caller's to close. All times are in seconds: `write_pause` is the least time between two changes (GitHub asks for
    one second), `read_pause` the first pause before a failed read is repeated, `answer_timeout` the limit of a request.
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
        answer_timeout: int = ANSWER_TIMEOUT,
    ) -> None:
        self.api_url = api_url.rstrip("/")
        self.pollers: dict[str, RunPoller] = {}
        self._answer_timeout = answer_timeout
        self._session = Session(self.api_url, session, answer_timeout=answer_timeout)
        self._identity = self._make_identity(token, app_id, private_key)
        self._write_pause = write_pause
        self._read_pause = read_pause
        self._writing = asyncio.Lock()
        self._last_write = float("-inf")
        self._login: str | None = None

    def _make_identity(self, token: str | None, app_id: str | None, private_key: str | None) -> Identity:
        if token:
            return TokenIdentity(token)
        if app_id and private_key:
            return AppIdentity(app_id, private_key, self._session.ask_as_app)
        return NoIdentity()

    @property
    def is_app(self) -> bool:
        """Whether we are a GitHub App."""
        return isinstance(self._identity, AppIdentity)

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
        """The poller of this repository's runs, shared by all watchers."""
        return self.pollers.setdefault(repository, RunPoller(self, repository))

    def receive_event(self, event: RunEvent) -> None:
        """Take an event of a webhook; `event.repository` is spelled as in the calls that watch it."""
        self.poller(event.repository).receive(event)

    async def login(self, repository: str) -> str | None:
        """The login under which our runs appear; None for a token without a login."""
        if self._login is None:
            self._login = await self._read_login(repository)
        return self._login or None

    async def _read_login(self, repository: str) -> str:
        doing = "asking GitHub who we are"
        if isinstance(self._identity, AppIdentity):
            app = await self._session.ask_as_app("GET", "/app", self._identity.jwt(), doing)
            return f"{app['slug']}[bot]"
        try:
            return str((await self.get(repository, "/user", doing=doing)).data["login"])
        except UnavailableError:
            raise
        except RunnerError:  # a token without a user
            return ""

    async def call(
        self, repository: str, function: Callable[[Repository], T], *, doing: str, changes: bool = False
    ) -> T:
        """Run `function` on a thread with PyGithub's repository object.

        Reads are repeated when GitHub does not answer. With `changes` nothing is repeated, and a lost answer is an
        UncertainError.

        Raises:
            RunnerError: or one of its kinds, as api/errors.py chooses.
        """
        from runners.github.api import pygithub  # noqa: PLC0415  -- a fifth of a second and 30 MB, for what few calls need

        check_repository(repository, doing)

        async def with_token(token: str) -> T:
            client = pygithub.client_for(self.api_url, token, timeout=self._answer_timeout)
            return await pygithub.call_once(client, repository, function, doing=doing, changes=changes)

        async def once() -> T:
            return await self._with_token(repository, with_token)

        if not changes:
            return await self.repeat_read(once)
        await self.repeat_read(lambda: self.token(repository))
        async with self._writing:
            await asyncio.sleep(self._last_write + self._write_pause - time.monotonic())
            try:
                return await once()
            finally:
                self._last_write = time.monotonic()

    async def _with_token(self, repository: str | None, use: Callable[[str], Awaitable[T]]) -> T:
        """Use a token; when GitHub refuses it (then nothing happened), retry with a new token if there can be one."""
        token = await self.token(repository)
        try:
            return await use(token)
        except AccessDeniedError:
            if not self._identity.renewable(token):
                raise
            return await use(await self.token(repository))

    async def get(self, repository: str | None, path: str, *, doing: str, etag: str | None = None) -> Answer:
        """GET JSON; with `etag` only if it changed since (an authorised 304 costs nothing of the rate limit).

        Raises:
            RunnerError: or one of its kinds, as api/errors.py chooses.
        """

        async def once(token: str) -> Answer:
            return await self._session.get(token, path, doing=doing, etag=etag)

        return await self.repeat_read(lambda: self._with_token(repository, once))

    @asynccontextmanager
    async def stream(
        self, repository: str | None, path: str, *, doing: str, timeout: float
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """GET `path` as a stream; redirects are followed, without the token.

        Raises:
            RunnerError: or one of its kinds, also when the stream breaks in the caller's hands.
        """
        async with AsyncExitStack() as stack:

            async def opened(token: str) -> aiohttp.ClientResponse:
                return await stack.enter_async_context(self._session.stream(token, path, doing=doing, timeout=timeout))

            yield await self._with_token(repository, opened)

    async def repeat_read(self, read: Callable[[], Awaitable[T]]) -> T:
        """Read, and try twice more when GitHub does not answer; waits for its rate limit if that ends soon."""
        pauses = (self._read_pause, 2 * self._read_pause)
        return await repeat_read(read, pauses=pauses, longest_pause=LONGEST_WAIT)

    async def close(self) -> None:
        """End all polling and close the connections that were not given."""
        for poller in list(self.pollers.values()):
            await poller.close()
        await self._session.close()
