"""A value that a person sets: the page's HTML, what can be a value, and whose link is valid for how long."""

from __future__ import annotations

import hashlib
import re
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, strategies as st

from bot.access.rights import needed_for
from bot.config import read as read_config
from bot.errors import ConfigError, Denied, UserError
from bot.operations.registry import Click
from bot.slack.redacted import opened
from bot.store.operations import Request, Status
from handlers.secrets import entry, entry_page
from tests.unit.bot.drawn import hostile
from tests.unit.handlers.conftest import FILE, typed

if TYPE_CHECKING:
    from bot.services import Services
    from tests.unit.handlers.conftest import Desk

SECTION = """
operations: {pages: {url: "https://bot.example.com"}}
secrets:
  values:
    DB: {staging: {github: DB}, dev: {parameter: /dev/db}}
"""


class Page(HTMLParser):
    """The elements of a page, and its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words += data


@given(name=hostile, environment=hostile, place=hostile, problem=hostile)
def test_no_text_becomes_an_element(name: str, environment: str, place: str, problem: str) -> None:
    usual = Page(entry_page.form("1-a", "n", "e", "p", "x" if problem else ""))
    page = Page(entry_page.form("1-a", name, environment, place, problem))
    assert [tag for tag, _ in page.elements] == [tag for tag, _ in usual.elements]
    assert "script" not in [tag for tag, _ in page.elements]
    failed = Page(entry_page.failed(name, place))
    assert [tag for tag, _ in failed.elements] == [tag for tag, _ in Page(entry_page.failed("a", "b")).elements]


def test_the_page_works_with_keyboard_and_screen_reader() -> None:
    html = entry_page.form("1-a", "DB", "staging", "GitHub secret DB", "The value is empty.")
    page = Page(html)
    fields = {attributes["id"]: attributes for tag, attributes in page.elements if tag == "textarea"}
    labels = {attributes["for"] for tag, attributes in page.elements if tag == "label"}
    assert labels == set(fields) == {"value"}
    described = str(fields["value"]["aria-describedby"]).split()
    assert set(described) <= {attributes.get("id") for _, attributes in page.elements}
    assert [attributes.get("role") for _, attributes in page.elements].count("alert") == 1
    assert ("html", {"lang": "en"}) in page.elements
    assert not re.search(r"\son\w+=|javascript:|https?:", html), "a script, or something from elsewhere"
    assert not [attributes for _, attributes in page.elements if attributes.get("tabindex") or "src" in attributes]


@given(st.text(alphabet=st.characters(exclude_characters="\r\0", exclude_categories=["Cs"]), min_size=1))
def test_a_value_is_what_was_entered(value: str) -> None:
    entered = entry_page.normalized(value.replace("\n", "\r\n"))
    assert entered in (value, value.rstrip("\n"))
    assert entered == value or "\n" not in entered
    assert bool(entry_page.problem_of(value)) == (not value.strip() or len(value.encode()) > entry_page.LARGEST)


def test_what_no_place_can_store_is_refused() -> None:
    assert entry_page.problem_of("") == entry_page.problem_of(" \n\t") == "The value is empty."
    assert "64" in entry_page.problem_of("x" * (entry_page.LARGEST + 1)) or "65536" in entry_page.problem_of(
        "x" * 65_537
    )
    assert entry_page.problem_of("x" * entry_page.LARGEST) == ""
    assert "NUL" in entry_page.problem_of("a\0b")


@pytest.fixture
async def services(desk: Desk) -> Services:
    """Operation 1 waits for ana's value."""
    desk.config = read_config(FILE + SECTION)
    request = Request("key", entry.KIND, "dev/secret DB", "U0ANA", "Set DB in dev", "C0DEV", {entry.NAME: "DB"})
    await desk.operations.create(request)
    await desk.operations.set_message(1, "C0DEV", "1.0")
    await desk.operations.set_status(1, Status.RUNNING, entry.WAITS)
    return desk.services


def pressed(user: str) -> Click:
    return Click(user, "C0DEV", "1.0", "enter-value", "1", "1.2", "")


async def token_of(services: Services) -> str:
    message = await entry.give_link(services, pressed("U0ANA"))
    match = re.search(
        r"https://bot\.example\.com/secret/([\w-]+)",
        str(opened({"text": message.text, "blocks": list(message.blocks)})),
    )
    assert match
    return match[1]


async def test_a_link_is_for_its_requester_the_newest_and_for_ten_minutes(desk: Desk, services: Services) -> None:
    with pytest.raises(Denied, match="Only the person who requested this"):
        await entry.give_link(services, pressed("U0LEE"))
    older, token = await token_of(services), await token_of(services)
    assert await entry.display(services, older) is None
    assert await entry.display(services, token)
    for wrong in (
        "",
        "1",
        "1-",
        f"2-{token[2:]}",
        f"{token}x",
        token[:-1],
        "x" * 500,
        f"٣{token[1:]}",
        "9" * 30 + "-a",
    ):
        assert await entry.display(services, wrong) is None
    desk.now += entry.LINK_LIFE - 1
    assert await entry.display(services, token)
    desk.now += 1
    assert await entry.display(services, token) is None


async def test_a_form_of_another_page_is_not_taken(services: Services) -> None:
    token = await token_of(services)
    for form in ("", entry_page.form_token("1-other")):
        assert await entry.submit(services, token, {"form": form, "value": "x"}) is None
    assert await entry.display(services, token), "a wrong form uses the link up"


async def test_the_database_has_no_token(desk: Desk, services: Services) -> None:
    token = await token_of(services)
    stored = await desk.annotations.values_of(1, entry.LINK)
    assert token not in str(stored)
    assert hashlib.sha256(token.encode()).hexdigest() in str(stored)
    assert needed_for(await desk.operations.get(1)).command == "/infra secret"


async def test_the_command_names_what_can_be_set(desk: Desk, services: Services) -> None:
    await entry.topic(services, typed("secret set DB in dev"), ("set", "DB", "in", "dev"))
    (request,) = desk.engine.begun
    assert (request.kind, request.environment, request.arguments) == (entry.KIND, "dev/secret DB", {"name": "DB"})
    for words, problem in (
        (("set", "DB"), "Usage"),
        (("set", "DP", "in", "dev"), "did you mean “DB”"),
        (("set", "DB", "in", "prod"), "I know no value"),
    ):
        with pytest.raises(UserError, match=problem):
            await entry.topic(services, typed("secret"), words)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (SECTION.partition("\n")[2].partition("\n")[2], "needs `operations.pages.url`"),
        (SECTION.replace("dev:", "dve:"), "is not an environment"),
    ],
)
def test_faults_of_the_configuration_are_named(text: str, problem: str) -> None:
    with pytest.raises(ConfigError) as refused:
        read_config(FILE + text)
    assert any(problem in fault.problem for fault in refused.value.faults)
