"""The page of an operation: who gets it, what it displays, and what a hostile output does to it."""

from __future__ import annotations

from contextlib import asynccontextmanager
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from hypothesis import given, strategies as st

from bot.access import policy
from bot.config import read as read_config
from bot.errors import ConfigError
from bot.inbound import pages
from bot.inbound.reception import Reception
from bot.store.audit import Entry
from bot.store.operations import Request, Status
from handlers.infra import history, operation_page, page_html
from handlers.infra.operation_page import PageContent, PageLog, Step
from handlers.shared.operation_logs import LogSource
from tests.unit.bot.drawn import read
from tests.unit.handlers.conftest import FILE, MONDAY_NOON, typed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from tests.unit.handlers.conftest import Desk

PAGES = FILE + 'operations: {pages: {url: "https://bot.example.com/"}}\n'
PROXY = FILE + 'operations: {pages: {url: "https://bot.example.com", behind_proxy: true}}\n'
HIDDEN = 'operators: ["usergroup:S0LEADS"], roles: {dev: {people: ["usergroup:S0INFRA"], may: [see, plan], environments: [dev]}}'
TOKEN = "ghp_" + "a" * 36
OUTPUT = f"token {TOKEN}\n</pre><script>alert(1)</script>\nNo space left on device"


@pytest.fixture
async def paged(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """Operation 1, a deploy to staging that runs, with a log that failed."""
    desk.config = read_config(PAGES, "signalbox.yaml")
    request = Request("key", "deploy", "staging", "U0ANA", "Deploy <b>main</b> to staging", "C0DEV", {"ref": "main"})
    number = await desk.operations.create(request)
    await desk.audit.record(Entry("U0ANA", "deploy", "staging", number, {"ref": "main"}))
    await desk.operations.set_message(number, "C0DEV", "1.1")
    await desk.operations.set_status(number, Status.RUNNING, "is deploying")

    async def content() -> str:
        return OUTPUT

    async def sources(*_: object) -> Sequence[LogSource]:
        return (LogSource("cron", "failed", "", content, failed=True),)

    async def result(*_: object) -> None:
        return None

    monkeypatch.setattr(operation_page, "sources_of", sources)
    monkeypatch.setattr(desk.engine, "result", result, raising=False)
    return desk


@asynccontextmanager
async def browsing(desk: Desk) -> AsyncIterator[TestClient[Any, Any]]:
    application = web.Application()
    application.router.add_get(pages.ROUTE, pages.OperationPages(desk.services, Reception()).handle)
    async with TestClient(TestServer(application)) as client:
        yield client


def path_of(desk: Desk, number: int = 1, user: str = "U0ANA") -> str:
    link = desk.services.page_links.link(number, user)
    assert link.startswith("https://bot.example.com/operations/")
    return link.removeprefix("https://bot.example.com")


async def test_the_page_displays_steps_and_logs_and_is_locked_down(paged: Desk) -> None:
    async with browsing(paged) as client:
        answer = await client.get(path_of(paged))
        text = await answer.text()
    assert answer.status == 200
    assert "Deploy &lt;b&gt;main&lt;/b&gt; to staging" in text
    assert "<script" not in text
    assert TOKEN not in text
    assert "Likely cause: the disk is full" in text
    assert "running, is deploying" in text
    assert 'http-equiv="refresh"' in text
    headers = answer.headers
    assert headers["Cache-Control"] == "no-store"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert "unsafe" not in headers["Content-Security-Policy"]


async def test_a_page_of_what_has_ended_stays_as_it_is(paged: Desk) -> None:
    await paged.operations.set_status(1, Status.FAILED)
    async with browsing(paged) as client:
        text = await (await client.get(path_of(paged))).text()
    assert 'http-equiv="refresh"' not in text


async def test_a_link_is_for_one_operation_one_person_and_a_time(paged: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    good, read_numbers = path_of(paged), list[int]()
    get = paged.operations.get

    async def counted(number: int) -> Any:
        read_numbers.append(number)
        return await get(number)

    monkeypatch.setattr(paged.operations, "get", counted)
    bad = [
        "/operations/1",
        good.replace("/1?", "/2?"),
        good.replace("U0ANA", "U0LEE"),
        good.replace("until=", "until=9"),
        f"{good}a",
        "/operations/1?by=U0ANA&until=99999999999&seal=é",
    ]
    async with browsing(paged) as client:
        for path in bad:
            assert (await client.get(path)).status == 403
        assert not read_numbers, "a stranger makes the database read something"
        for _ in range(2):  # a preview does not use it up
            assert (await client.get(good)).status == 200
        paged.now += 3_601
        assert (await client.get(good)).status == 403


async def test_whoever_may_not_see_it_any_more_gets_no_page(paged: Desk) -> None:
    link = path_of(paged)
    paged.config = read_config(PAGES.replace('operators: ["usergroup:S0INFRA"]', HIDDEN), "signalbox.yaml")
    async with browsing(paged) as client:
        hidden, unknown = await client.get(link), await client.get(path_of(paged, 7, "U0LEE"))
        assert hidden.status == unknown.status == 404
        assert await hidden.text() == await unknown.text()
        assert (await client.get(path_of(paged, 1, "U0LEE"))).status == 200


async def test_behind_a_proxy_what_no_role_hides_needs_no_link(paged: Desk) -> None:
    paged.config = read_config(PROXY, "signalbox.yaml")
    async with browsing(paged) as client:
        assert (await client.get("/operations/1")).status == 200
        assert (await client.get("/operations/1?by=U0ANA&until=1&seal=x")).status == 403
    paged.config = read_config(PROXY.replace('operators: ["usergroup:S0INFRA"]', HIDDEN), "signalbox.yaml")
    assert not policy.hidden_from_nobody(paged.config, "staging")
    async with browsing(paged) as client:
        assert (await client.get("/operations/1")).status == 404
        assert (await client.get(path_of(paged, 1, "U0LEE"))).status == 200


async def test_an_address_gets_a_number_of_pages_a_minute(paged: Desk) -> None:
    async with browsing(paged) as client:
        for _ in range(pages.PACE):
            assert (await client.get("/operations/1")).status == 403
        answer = await client.get(path_of(paged))
        assert (answer.status, answer.headers["Retry-After"]) == (429, "60")
        paged.now += 61
        assert (await client.get(path_of(paged))).status == 200


async def test_show_has_a_link_only_where_there_are_pages(paged: Desk) -> None:
    assert "Its page" in read(await history.show(paged.services, typed(""), ["1"]))
    paged.config = read_config(FILE, "signalbox.yaml")
    assert paged.services.page_links.link(1, "U0ANA") == ""
    assert "Its page" not in read(await history.show(paged.services, typed(""), ["1"]))


@pytest.mark.parametrize(
    "url", ["http://bot.example.com", "https://a:b@bot.example.com", "https://bot.example.com/?x=1", "bot"]
)
def test_the_address_of_pages_is_https(url: str) -> None:
    with pytest.raises(ConfigError, match="is an address by https"):
        read_config(PAGES.replace("https://bot.example.com/", url), "signalbox.yaml")


class Tags(HTMLParser):
    """The tags, attributes and links of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags, self.attributes, self.links = set[str](), set[str](), set[str]()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.links |= {value or "" for name, value in attrs if name in ("href", "src")}


HOSTILE = st.text(max_size=60) | st.sampled_from(
    [
        "<script>alert(1)</script>",
        '"><img src=x onerror=alert(1)>',
        "javascript:alert(1)",
        "\u202ehtml",
        "</style>",
        "&lt;b&gt;",
    ]
)
ALLOWED = {"html", "head", "meta", "title", "style", "body", "h1", "h2", "p", "strong", "span", "ol", "ul", "li", "time", "pre", "code", "a"}  # fmt: skip


@given(HOSTILE, HOSTILE, HOSTILE)
def test_no_text_becomes_markup(first: str, other: str, url: str) -> None:
    content = PageContent(
        number=1, title=first, environment=other, status="failed", activity=other, requester=first, created_at=MONDAY_NOON,
        ended_at=None, now=MONDAY_NOON + 5, steps=(Step(MONDAY_NOON, first, other, first, intact=False),), changes=((first, "delete"),),
        more_changes=3, logs=(PageLog(first, other, url, first), PageLog(first, "failed", "https://github.com/o/r", other)), problem=first, cause=other,
    )  # fmt: skip
    for html in (page_html.page(content), page_html.refusal(first)):
        parser = Tags()
        parser.feed(html)
        assert parser.tags <= ALLOWED
        assert parser.attributes <= {
            "lang",
            "charset",
            "name",
            "content",
            "http-equiv",
            "class",
            "datetime",
            "href",
            "rel",
        }
        assert all(url.startswith("https://") for url in parser.links)
