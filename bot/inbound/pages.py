"""GET /operations/12: the page of an operation, for people with a signed link to it. It changes nothing."""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from typing import TYPE_CHECKING

from aiohttp import web

from bot.access import policy
from bot.access.page_links import PATH
from bot.inbound import page_headers
from bot.inbound.connections import authenticated
from bot.inbound.peers import counted_as
from bot.inbound.refusals import RefusedError
from handlers.infra import page_html
from handlers.infra.operation_page import content_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from bot.inbound.reception import Reception
    from bot.services import Services
    from bot.store.operations import Record

    Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

ROUTE = PATH + r"/{number:\d{1,9}}"
NO_LINK = "This link has expired, or is none of mine. Type /infra show with the operation's number for a new one."
UNKNOWN = "There is no such operation, or you may not see it."
PACE, MINUTE = 120, 60.0  # requests of one address within a minute: a page that loads itself again makes twelve
AT_ONCE = 4  # pages that are drawn together
FRESH = 2.0  # seconds for which a page is displayed again as it was
MOST_PEERS, MOST_DRAWN = 4096, 64
HEADERS = page_headers.headers(page_html.STYLE_HASH)


class OperationPages:
    """Answers for the pages; a stranger costs one digest, and makes the database read nothing."""

    def __init__(self, services: Services, reception: Reception) -> None:
        self._services = services
        self._reception = reception
        self._pace: OrderedDict[str, deque[float]] = OrderedDict()
        self._drawn: OrderedDict[int, tuple[float, str]] = OrderedDict()
        self._drawing = asyncio.Semaphore(AT_ONCE)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """The page, or one that says why there is none."""
        number = int(request.match_info["number"])
        try:
            self._check_pace(request)
            return _answer(200, await self._page(request, number))
        except RefusedError as error:
            self._reception.refusals.note(PATH, error, self._reception.peers.of(request))
            return _answer(error.status, page_html.refusal(str(error)))

    async def _page(self, request: web.Request, number: int) -> str:
        services = self._services
        person = services.page_links.person_of(number, request.query)
        pages = services.config.operations.pages
        behind_proxy = pages is not None and pages.behind_proxy
        if person is None and (not behind_proxy or "seal" in request.query):
            raise RefusedError(403, NO_LINK, "link")
        authenticated(request)
        try:
            record = await services.operations.get(number)
        except LookupError:
            raise RefusedError(404, UNKNOWN, "unknown") from None
        if not await self._sees(person, record):
            raise RefusedError(404, UNKNOWN, "hidden")
        return await self._fresh(record)

    async def _sees(self, person: str | None, record: Record) -> bool:
        """Whether the person of the link may see it now; without one, whether no role hides it."""
        config = self._services.config
        if person is None:
            return policy.hidden_from_nobody(config, record.environment)
        return policy.sees(config, await self._services.directory.person(person), record.environment)

    async def _fresh(self, record: Record) -> str:
        """The page as it was a moment ago, so that many readers cost as much as one."""
        async with self._drawing:
            at, drawn = self._drawn.get(record.number, (0.0, ""))
            now = self._services.clock()
            if not 0 <= now - at < FRESH:
                drawn = page_html.page(await content_of(self._services, record))
                self._drawn[record.number] = (now, drawn)
                self._drawn.move_to_end(record.number)
                while len(self._drawn) > MOST_DRAWN:
                    self._drawn.popitem(last=False)
            return drawn

    def _check_pace(self, request: web.Request) -> None:
        now, peer = self._services.clock(), counted_as(self._reception.peers.of(request))
        times = self._pace.setdefault(peer, deque())
        self._pace.move_to_end(peer)
        while len(self._pace) > MOST_PEERS:
            self._pace.popitem(last=False)
        while times and not now - MINUTE < times[0] <= now:
            times.popleft()
        if len(times) >= PACE:
            raise RefusedError(429, "Too many requests. Try again in a minute.", "pace")
        times.append(now)


def _answer(status: int, html: str) -> web.Response:
    headers = {**HEADERS, **({"Retry-After": "60"} if status == 429 else {})}
    return web.Response(text=html, status=status, content_type="text/html", charset="utf-8", headers=headers)
