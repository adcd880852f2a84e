"""Pages with a form for people's browsers: nothing is cached, framed or loaded from elsewhere, and tokens cannot be guessed by trying."""

from __future__ import annotations

import base64
import hashlib
import logging
import time
from collections import deque
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from aiohttp import web

from bot.errors import DatabaseAwayError
from bot.inbound import page_headers
from bot.inbound.connections import authenticated
from bot.inbound.refusals import RefusedError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable

    from bot.inbound.reception import Reception
    from bot.operations.pages import Answered, Page
    from bot.services import Services

log = logging.getLogger(__name__)
LARGEST_BODY = 256 << 10  # bytes: a value of 64 kB, percent-encoded
MOST_FIELDS = 8
MOST_MISSES = 10  # unknown tokens of one peer within PERIOD; of all peers ten times as many
PERIOD = 60.0  # seconds
FORM = "application/x-www-form-urlencoded"
INVALID = "This link is not valid. It may have been used, or replaced by a newer one, or be older than ten minutes."


def add(application: web.Application, services: Services, pages: Iterable[Page], reception: Reception) -> None:
    """Serve the pages that this configuration enables."""
    for page in pages:
        if page.enabled(services.config):
            served = _Served(page, services, reception)
            address = f"{page.path}/{{token}}"
            application.router.add_get(address, served.display)
            application.router.add_post(address, served.submit)


class Misses:
    """How many unknown tokens came lately, by peer and in all."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._misses = deque[tuple[float, str]]()

    def note(self, peer: str) -> None:
        """Count one."""
        self._misses.append((self._clock(), peer))

    def too_many(self, peer: str) -> bool:
        """Whether this peer, or all together, have guessed too often to be answered now."""
        while self._misses and self._misses[0][0] < self._clock() - PERIOD:
            self._misses.popleft()
        of_peer = sum(each == peer for _, each in self._misses)
        return of_peer >= MOST_MISSES or len(self._misses) >= 10 * MOST_MISSES


class _Served:
    """A page: its two requests. The address has a token, so no log and no metric gets it."""

    def __init__(self, page: Page, services: Services, reception: Reception) -> None:
        self._page = page
        self._services = services
        self._reception = reception
        self._misses = Misses()
        self._headers = page_headers.headers(_digest(page.style), form_action="'self'")

    async def display(self, request: web.Request) -> web.Response:
        """Display it. That uses nothing up: previews, prefetches and scanners open it as well."""
        return await self._answer(request, lambda token: self._page.display(self._services, token))

    async def submit(self, request: web.Request) -> web.Response:
        """Take the form, from this page only."""
        site = request.headers.get("Sec-Fetch-Site", "same-origin")
        if site != "same-origin" or request.content_type != FORM:
            return self._refused(request, RefusedError(403, "This form was sent by another page.", "origin"))
        try:
            body = await self._reception.bodies.read(request, LARGEST_BODY)
            fields = _fields(body)
            body.clear()
        except RefusedError as error:
            return self._refused(request, error)
        return await self._answer(request, lambda token: self._page.submit(self._services, token, fields))

    async def _answer(
        self, request: web.Request, work: Callable[[str], Coroutine[Any, Any, Answered | None]]
    ) -> web.Response:
        if self._misses.too_many(self._reception.peers.of(request)):
            return self._refused(request, RefusedError(429, "Too many invalid links. Wait a minute.", "guesses"))
        try:
            answered = await work(request.match_info["token"])
        except DatabaseAwayError:
            return self._plain(503, "Signalbox's database does not answer. Wait a minute, and try again.")
        if answered is None:
            self._misses.note(self._reception.peers.of(request))
            return self._refused(request, RefusedError(404, INVALID, "token"))
        authenticated(request)
        return web.Response(text=answered.html, status=answered.status, content_type="text/html", headers=self._headers)

    def _refused(self, request: web.Request, error: RefusedError) -> web.Response:
        self._reception.refusals.note(self._page.path, error, self._reception.peers.of(request))
        return self._plain(error.status, str(error))

    def _plain(self, status: int, words: str) -> web.Response:
        return web.Response(text=words, status=status, content_type="text/plain", headers=self._headers)


def _digest(style: str) -> str:
    return base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()


def _fields(body: bytearray) -> dict[str, str]:
    """The fields of a form, in UTF-8. Raises RefusedError."""
    try:
        pairs = parse_qsl(
            body.decode("ascii"),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=MOST_FIELDS,
            strict_parsing=True,
        )
    except ValueError:
        raise RefusedError(400, "The form is not readable. Open the link again.", "shape") from None
    return dict(pairs)
