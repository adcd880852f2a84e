"""The client of HCP Terraform: HashiCorp's pytfe on threads, and the downloads that pytfe cannot do."""

from __future__ import annotations

import asyncio
import functools
from http import HTTPStatus
from math import ceil
from typing import TYPE_CHECKING, Any, TypeVar

from runners.errors import RunnerError, on_one_line
from runners.hcp.errors import HCP_TERRAFORM, details_of
from runners.http import Connections, Refusal, repeat_read

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from pytfe import TFEClient
    from pytfe.errors import TFEError

T = TypeVar("T")

PUBLIC_ADDRESS = "https://app.terraform.io"
TIMEOUT = 30.0  # seconds for one request
_DOWNLOAD_TIMEOUT = 300.0
_MOST_BYTES = 512 << 20  # of one plan's JSON; of a log
_PAUSES = (0.5, 2.0)  # seconds before each further attempt of a read
_LONGEST_PAUSE = 60.0
_MEDIA_TYPE = "application/vnd.api+json"


class HcpTerraform:
    """A client of HCP Terraform or Terraform Enterprise at `address`. Create it once; `close` it, unless the process ends.

    Reads are repeated: `read_pauses` are the seconds before each further attempt. Requests that change something are not:
    pytfe would send POST again after a 502, and a run could be created twice.
    """

    def __init__(self, address: str, *, token: str, read_pauses: tuple[float, ...] = _PAUSES) -> None:
        self.address = address.rstrip("/")
        self._token = token
        self._read_pauses = read_pauses
        self._connections = Connections(HCP_TERRAFORM, self.address)
        self._notified: dict[str, asyncio.Event] = {}

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

    async def close(self) -> None:
        """Close the connections."""
        await self._connections.close()
        if "_client" in self.__dict__:
            self._client.close()

    async def call(self, function: Callable[[TFEClient], T], *, doing: str, changes: bool = False) -> T:
        """Call `function` with pytfe's client on a thread; `changes`: whether it changes something in HCP Terraform.

        Raises:
            RunnerError: or one of its kinds (see hcp/errors.py); UncertainError when the change may have happened.
        """

        def call() -> T:
            client = self._client
            from pydantic import ValidationError  # noqa: PLC0415 - as in _client
            from pytfe.errors import TFEError  # noqa: PLC0415

            try:
                return function(client)
            except TFEError as error:
                raise _error_for(error, doing, changes=changes) from None
            except ValidationError as error:
                fields = ", ".join(sorted({".".join(map(str, detail["loc"])) for detail in error.errors()}))
                problem = f"HCP Terraform's answer is of a form that pytfe does not know ({fields})"
                raise RunnerError(doing, problem, remedy="A newer pytfe may know it.") from None

        return await HCP_TERRAFORM.call_on_thread(call, doing=doing, changes=changes, timeout=4 * TIMEOUT)

    async def read(self, path: str, *, doing: str, query: Mapping[str, str] | None = None) -> dict[str, Any]:
        """A JSON:API document without a model.

        pytfe's models raise on statuses that HashiCorp documents ("force_canceled" of a run, "managed_queued" of an
        apply), and drop the resources included with a run's events.
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

        return await self._repeat_read(lambda: self.call(get, doing=doing))

    async def download(self, url: str, *, doing: str) -> bytes:
        """The content at a path of the API, or at a URL that the API returned.

        pytfe sends TFE_TOKEN also to the URL that a plan's JSON is redirected to; here only HCP Terraform itself gets it.

        Raises:
            RunnerError: or one of its kinds; NotFoundError also when the URL has expired.
        """
        return await self._repeat_read(lambda: self._download(url, doing))

    async def _download(self, url: str, doing: str) -> bytes:
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": _MEDIA_TYPE} if url.startswith("/") else {}
        async with self._connections.open(url, doing=doing, timeout=_DOWNLOAD_TIMEOUT, headers=headers) as response:
            if response.status == HTTPStatus.NO_CONTENT:
                raise HCP_TERRAFORM.no_answer(doing, "it is not there yet", changes=False)
            return await self._connections.read(response, doing, limit=_MOST_BYTES)

    async def _repeat_read(self, read: Callable[[], Awaitable[T]]) -> T:
        return await repeat_read(read, pauses=self._read_pauses, longest_pause=_LONGEST_PAUSE)

    def notify(self, run_id: str) -> None:
        """End the pause for this run at once: it has changed."""
        event = self._notified.get(run_id)
        if event:
            event.set()

    async def pause(self, run_id: str, seconds: float) -> None:
        """Wait until `notify` is called for this run, for `seconds` at most."""
        event = self._notified.setdefault(run_id, asyncio.Event())
        try:
            async with asyncio.timeout(seconds):
                await event.wait()
        except TimeoutError:
            return
        finally:
            self._notified.pop(run_id, None)


def _is_resource(candidate: Any) -> bool:
    return (
        isinstance(candidate, dict)
        and isinstance(candidate.get("id"), str)
        and isinstance(candidate.get("attributes"), dict)
    )


def _error_for(error: TFEError, doing: str, *, changes: bool) -> RunnerError:
    if error.status is None:
        return HCP_TERRAFORM.no_answer(doing, "HCP Terraform does not answer", changes=changes)
    seconds = getattr(error, "retry_after", None)
    headers = {} if seconds is None else {"retry-after": str(ceil(seconds))}
    refusal = Refusal(error.status, details_of(error.errors) or on_one_line(str(error)), headers)
    return HCP_TERRAFORM.error_for(refusal, doing, changes=changes)
