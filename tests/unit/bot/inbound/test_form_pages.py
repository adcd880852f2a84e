"""Pages for browsers: their headers, whose forms count, and what happens to those who guess."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any, cast

import pytest
import pytest_asyncio
from aiohttp import ClientSession, web
from prometheus_client import CollectorRegistry, generate_latest

from bot.inbound import form_pages as pages
from bot.inbound.reception import Reception
from bot.inbound.refusals import REFUSED
from bot.operations.pages import Answered, Page

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

TOKEN = "1-right-token"
FORM = {"value": "a b\r\nü", "form": "x"}


class Served:
    """A page that notes what it gets."""

    def __init__(self) -> None:
        self.got: list[Mapping[str, str]] = []

    async def display(self, _: object, token: str) -> Answered | None:
        return Answered(200, "<p>form") if token == TOKEN else None

    async def submit(self, _: object, token: str, fields: Mapping[str, str]) -> Answered | None:
        self.got.append(fields)
        return Answered(200, "<p>done") if token == TOKEN else None


@pytest.fixture
def served() -> Served:
    return Served()


@pytest_asyncio.fixture
async def address(served: Served) -> AsyncIterator[str]:
    application = web.Application()
    page = Page("/secret", "p{}", lambda _: True, served.display, served.submit)
    off = Page("/off", "", lambda _: False, served.display, served.submit)
    services = cast("Any", type("Services", (), {"config": None}))
    pages.add(application, services, (page, off), Reception())
    runner = web.AppRunner(application)
    await runner.setup()
    bound = socket.create_server(("127.0.0.1", 0))
    await web.SockSite(runner, bound).start()
    yield f"http://127.0.0.1:{bound.getsockname()[1]}"
    await runner.cleanup()


async def post(address: str, token: str = TOKEN, data: Any = None, **headers: str) -> tuple[int, str]:
    async with (
        ClientSession(headers=headers) as session,
        session.post(f"{address}/secret/{token}", data=FORM if data is None else data) as answer,
    ):
        assert answer.headers["Cache-Control"] == "no-store"
        return answer.status, await answer.text()


async def test_every_answer_is_neither_cached_framed_nor_scripted(address: str, served: Served) -> None:
    async with ClientSession() as session:
        for path, status in ((f"/secret/{TOKEN}", 200), ("/secret/wrong", 404)):
            async with session.get(address + path) as answer:
                assert answer.status == status
                policy = answer.headers["Content-Security-Policy"]
                assert policy.startswith("default-src 'none'; style-src 'sha256-")
                assert "script" not in policy
                for part in ("form-action 'self'", "frame-ancestors 'none'", "base-uri 'none'"):
                    assert part in policy
                assert answer.headers["Cache-Control"] == "no-store"
                assert answer.headers["Referrer-Policy"] == "no-referrer"
                assert answer.headers["X-Frame-Options"] == "DENY"
        async with session.head(f"{address}/secret/{TOKEN}") as answer:
            assert answer.status == 200
        async with session.get(f"{address}/off/{TOKEN}") as answer:
            assert answer.status == 404
    assert served.got == []


async def test_a_form_counts_from_its_own_page_alone(address: str, served: Served) -> None:
    for site in ("cross-site", "same-site", "none"):
        assert (await post(address, **{"Sec-Fetch-Site": site}))[0] == 403
    assert (await post(address, data=b"{}", **{"Content-Type": "application/json"}))[0] == 403
    for body in (b"\xff\xfe", b"a", b"value=%ff", b"&".join(b"a=1" for _ in range(9))):
        assert (await post(address, data=body, **{"Content-Type": pages.FORM}))[0] == 400
    assert served.got == []
    assert await post(address, **{"Sec-Fetch-Site": "same-origin"}) == (200, "<p>done")
    assert served.got == [FORM]


async def test_a_value_of_64_kb_fits_and_a_body_without_bound_does_not(address: str, served: Served) -> None:
    assert (await post(address, data={"value": "ü" * (32 << 10)}))[0] == 200
    assert served.got[-1]["value"] == "ü" * (32 << 10)
    assert (await post(address, data={"value": "x" * (300 << 10)}))[0] == 413
    assert len(served.got) == 1


async def test_who_guesses_is_not_answered_and_no_metric_has_a_guess(address: str, served: Served) -> None:
    for number in range(pages.MOST_MISSES):
        assert (await post(address, f"guess-{number}"))[0] == 404
    assert (await post(address, TOKEN))[0] == 429
    assert len(served.got) == pages.MOST_MISSES
    registry = CollectorRegistry()
    registry.register(REFUSED)
    text = generate_latest(registry).decode()
    assert 'path="/secret"' in text
    assert "guess" not in text.replace('cause="guesses"', "")


def test_guesses_are_forgotten_after_a_minute_and_limited_in_all() -> None:
    now = [0.0]
    misses = pages.Misses(lambda: now[0])
    for number in range(10 * pages.MOST_MISSES - 1):
        misses.note(f"peer {number}")
    assert not misses.too_many("another")
    misses.note("one more")
    assert misses.too_many("another")
    now[0] = pages.PERIOD + 1
    assert not misses.too_many("another")
