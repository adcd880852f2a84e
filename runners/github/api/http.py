"""Small parts of speaking HTTP with GitHub: headers, redirects, proxies, bounded answers."""

from __future__ import annotations

import json
import re
import urllib.request
from contextlib import suppress
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import aiohttp
from yarl import URL

from runners.errors import RunnerError
from runners.github.api.errors import Refusal, error_for, message_of, no_answer

if TYPE_CHECKING:
    from aiohttp import ClientResponse

API_VERSION = "2022-11-28"
USER_AGENT = "signalbox"
LARGEST_ANSWER = 32 << 20  # bytes of JSON
_REPOSITORY = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?/[A-Za-z0-9._-]+")


def check_repository(repository: str, doing: str) -> None:
    """Refuse what is no `owner/name`, before it becomes part of a URL."""
    if not _REPOSITORY.fullmatch(repository) or repository.endswith(("/.", "/..")):
        raise RunnerError(doing, "that is no name of a repository", remedy="Write it as owner/name.")


def api_headers(token: str) -> dict[str, str]:
    """The headers of a request to the API itself; nothing of this may go to another host."""
    return {
        "Authorization": f"Bearer {token}",
        "Accept": "application/vnd.github+json",
        "X-GitHub-Api-Version": API_VERSION,
    }


def next_url(url: URL, response: ClientResponse, doing: str) -> URL:
    """Where a redirect leads.

    Raises:
        RunnerError: nowhere, or from https to http.
    """
    try:
        target = url.join(URL(response.headers["Location"], encoded=True))
        target.origin()
    except (KeyError, ValueError):
        raise RunnerError(doing, "GitHub redirects to no address") from None
    if target.scheme not in (url.scheme, "https"):
        raise RunnerError(doing, "GitHub redirects to an address that is not encrypted")
    return target


def proxy_for(url: URL) -> str | None:
    """The proxy that the machine's settings name for this address."""
    host = url.host or ""
    return None if urllib.request.proxy_bypass(host) else urllib.request.getproxies().get(url.scheme)


def why_broken(error: Exception) -> str:
    """What went wrong on the way, in words."""
    # Never the error's own text: it may hold a URL with a signature in it.
    if isinstance(error, TimeoutError):
        return "GitHub does not answer in time"
    if isinstance(error, aiohttp.ClientConnectorError):
        return "GitHub cannot be reached"
    return "the connection to GitHub broke"


async def read_json(response: ClientResponse, doing: str) -> Any:
    """A JSON body of bounded size: a list or an object.

    Raises:
        UnavailableError: it is no JSON, or nothing of GitHub's: something other than GitHub answered.
    """
    body = bytearray()
    async for chunk in response.content.iter_chunked(1 << 16):
        body += chunk
        if len(body) > LARGEST_ANSWER:
            raise RunnerError(doing, "GitHub's answer is too large to be true")
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        raise no_answer(doing, "GitHub's answer is no JSON", changes=False) from None
    if not isinstance(found, dict | list):
        raise no_answer(doing, "GitHub's answer makes no sense", changes=False)
    return found


async def raise_for(response: ClientResponse, doing: str) -> None:
    """Raise what a refusal means, as github_errors words it; return for any other answer."""
    if response.status < 300 or response.status == HTTPStatus.NOT_MODIFIED:
        return
    headers = {name.lower(): value for name, value in response.headers.items()}
    body: object = None
    with suppress(ValueError):
        body = json.loads(await response.content.read(1 << 16))
    raise error_for(Refusal(response.status, message_of(body), headers), doing, changes=False)
