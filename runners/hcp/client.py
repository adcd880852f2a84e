"""HCP Terraform: who we are there, HashiCorp's own client on threads, and the downloads which that client cannot do."""

from __future__ import annotations

import asyncio
import functools
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

import aiohttp

from runners.concurrency import run_blocking
from runners.errors import RunnerError, UnavailableError
from runners.hcp import errors as hcp_errors

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from pytfe import TFEClient

T = TypeVar("T")

PUBLIC_ADDRESS = "https://app.terraform.io"
TIMEOUT = 30.0  # seconds for one request
_DOWNLOAD_TIMEOUT = 300.0
_MOST_BYTES = 512 << 20  # of one plan's JSON; of a log
_REDIRECTS = 3
_PAUSES = (0.5, 2.0)  # seconds before asking again
_LONGEST_PAUSE = 60.0
_MEDIA_TYPE = "application/vnd.api+json"


class HcpTerraform:
    """HCP Terraform or Terraform Enterprise at `address`. Made once; `close` it at the end, unless the process ends.

    Requests are never repeated here: pytfe would send POST again after a 502, and a run could be created twice.
    Reads are: `read_pauses` are the seconds before each further try.
    """

    def __init__(self, address: str, *, token: str, read_pauses: tuple[float, ...] = _PAUSES) -> None:
        self.address = address.rstrip("/")
        self._token = token
        self._read_pauses = read_pauses
        self._noticed: dict[str, asyncio.Event] = {}

    def __repr__(self) -> str:
        return f"HcpTerraform({self.address!r})"

    @functools.cached_property
    def _client(self) -> TFEClient:
        from pytfe import TFEClient, TFEConfig  # noqa: PLC0415 - a second or two that only HCP Terraform's users pay

        config = TFEConfig(
            address=self.address,
            token=self._token,
            timeout=TIMEOUT,
            max_retries=0,
            user_agent_suffix="signalbox",
            ca_bundle=None,  # httpx reads SSL_CERT_FILE itself; given as a path it is deprecated
        )
        return TFEClient(config)

    def close(self) -> None:
        """Close what connections there are."""
        if "_client" in self.__dict__:
            self._client.close()

    async def call(self, function: Callable[[TFEClient], T], *, doing: str, changes: bool = False) -> T:
        """`function` with pytfe's client, on a thread; `changes` when it changes something at the other side.

        Raises:
            RunnerError: one of its family, as hcp_errors.error_for chooses; UncertainError when it may have happened.
        """
        return await run_blocking(self._call, function, doing, changes, timeout=4 * TIMEOUT, doing=doing)

    def _call(self, function: Callable[[TFEClient], T], doing: str, changes: bool) -> T:  # noqa: FBT001 - from run_blocking
        client = self._client
        from pydantic import ValidationError  # noqa: PLC0415 - as above
        from pytfe.errors import TFEError  # noqa: PLC0415

        try:
            return function(client)
        except TFEError as error:
            said = hcp_errors.said_in(error.errors) or str(error)
            after = getattr(error, "retry_after", None)
            raise hcp_errors.error_for(doing, error.status, said, changes=changes, retry_after=after) from None
        except ValidationError as error:
            fields = ", ".join(sorted({".".join(map(str, one["loc"])) for one in error.errors()}))
            problem = f"HCP Terraform's answer is of a form that pytfe does not know ({fields})"
            raise RunnerError(doing, problem, remedy="A newer pytfe may know it.") from None
        except (ValueError, KeyError, TypeError) as error:
            problem = f"the answer is not HCP Terraform's ({type(error).__name__})"
            raise hcp_errors.no_answer(doing, problem, changes=changes) from None

    async def read(self, path: str, *, doing: str, query: Mapping[str, str] | None = None) -> dict[str, Any]:
        """A JSON:API document as it is.

        For what pytfe's models refuse: they raise on statuses that HashiCorp documents ("force_canceled" of a run,
        "managed_queued" of an apply), and drop what was included beside a run's events.
        """

        def get(client: TFEClient) -> dict[str, Any]:
            answer = client.runs.t.request("GET", path, params=query, allow_redirects=False)
            if answer.status_code != 200:
                raise ValueError(answer.status_code)
            document = answer.json()
            data = document.get("data") if isinstance(document, dict) else None
            if not all(map(_is_resource, data if isinstance(data, list) else [data])):
                raise ValueError("no document")
            return dict(document)

        return await self._patiently(lambda: self.call(get, doing=doing))

    async def download(self, url: str, *, doing: str) -> bytes:
        """The content behind a path of the API, or behind an address that it handed out.

        pytfe sends our token on to where a plan's JSON is redirected to; here only HCP Terraform itself gets it.

        Raises:
            RunnerError: one of its family; NotFoundError also when the address has expired.
        """
        return await self._patiently(lambda: self._download(url, doing))

    async def _download(self, url: str, doing: str) -> bytes:
        target = url if "://" in url else self.address + url
        timeout = aiohttp.ClientTimeout(total=_DOWNLOAD_TIMEOUT, sock_connect=TIMEOUT, sock_read=TIMEOUT)
        try:
            async with aiohttp.ClientSession(timeout=timeout, trust_env=True) as session:
                for _ in range(_REDIRECTS + 1):
                    async with session.get(target, headers=self._headers(target, url), allow_redirects=False) as answer:
                        if answer.status in (301, 302, 303, 307, 308):
                            target = str(answer.url.join(type(answer.url)(answer.headers.get("Location", ""))))
                            continue
                        return await _content(answer, doing)
        except (aiohttp.ClientError, TimeoutError) as error:
            raise hcp_errors.no_answer(doing, f"it does not answer ({type(error).__name__})", changes=False) from None
        raise RunnerError(doing, "HCP Terraform sends us around in circles")

    async def _patiently(self, get: Callable[[], Awaitable[T]]) -> T:
        """Ask again a few times where there was no answer: only for what changes nothing."""
        for pause in self._read_pauses:
            try:
                return await get()
            except UnavailableError as error:
                wanted = (error.retry_at - datetime.now(UTC)).total_seconds() if error.retry_at else 0.0
                await asyncio.sleep(min(max(pause, wanted), _LONGEST_PAUSE))
        return await get()

    def _headers(self, target: str, asked: str) -> dict[str, str]:
        ours = urlsplit(target)[:2] == urlsplit(self.address)[:2] and "://" not in asked
        return {"Authorization": f"Bearer {self._token}", "Content-Type": _MEDIA_TYPE} if ours else {}

    def notice(self, run_id: str) -> None:
        """Something happened to this run: whoever pauses for it goes on at once."""
        event = self._noticed.get(run_id)
        if event:
            event.set()

    async def pause(self, run_id: str, seconds: float) -> None:
        """Wait until `notice` is called for this run, for `seconds` at most."""
        event = self._noticed.setdefault(run_id, asyncio.Event())
        try:
            async with asyncio.timeout(seconds):
                await event.wait()
        except TimeoutError:
            return
        finally:
            self._noticed.pop(run_id, None)


def _is_resource(one: Any) -> bool:
    return isinstance(one, dict) and isinstance(one.get("id"), str) and isinstance(one.get("attributes"), dict)


def _said(body: bytes) -> str:
    try:
        return hcp_errors.message_of(json.loads(body))
    except ValueError:  # a storage host's own words
        return body.decode("utf-8", "replace")


async def _content(answer: aiohttp.ClientResponse, doing: str) -> bytes:
    if answer.status == 204:
        raise hcp_errors.no_answer(doing, "it is not there yet", changes=False)
    if answer.status != 200:
        raise hcp_errors.error_for(doing, answer.status, _said(await answer.content.read(2000)), changes=False)
    pieces, size = [], 0
    async for piece in answer.content.iter_chunked(1 << 18):
        size += len(piece)
        if size > _MOST_BYTES:
            raise RunnerError(doing, f"it is larger than {_MOST_BYTES >> 20} MB")
        pieces.append(piece)
    return b"".join(pieces)
