"""What the chat page reads and does."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from sandbox.slack import SlackSettings, SlackStandIn
from tests.unit.sandbox.slack.bolt_app import BoltApp
from tests.unit.sandbox.slack.conftest import BOT_TOKEN, MANIFEST, SECRET

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


class Page:
    """A page in somebody's browser."""

    def __init__(self, slack: SlackStandIn, session: aiohttp.ClientSession) -> None:
        self.slack = slack
        self.session = session
        self.streams: list[aiohttp.ClientResponse] = []

    async def get(self, path: str) -> dict[str, Any]:
        async with self.session.get(f"{self.slack.url}/page/api/{path}") as response:
            assert (response.status, response.headers["Cache-Control"]) == (200, "no-store")
            result: dict[str, Any] = await response.json()
            return result

    async def post(self, path: str, **body: Any) -> dict[str, Any]:
        body = {("as" if name == "user" else name): value for name, value in body.items()}
        async with self.session.post(f"{self.slack.url}/page/api/{path}", json=body) as response:
            assert response.status == 200, await response.text()
            result: dict[str, Any] = await response.json()
            return result

    async def status(self, path: str, **more: Any) -> int:
        async with self.session.get(f"{self.slack.url}{path}", **more) as response:
            return response.status


class Stream:
    """The page's event stream."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self.response = response

    async def next(self) -> tuple[str, dict[str, Any]]:
        name = ""
        async with asyncio.timeout(60):
            while True:
                line = (await self.response.content.readline()).decode().rstrip("\n")
                if line.startswith("event: "):
                    name = line.removeprefix("event: ")
                elif line.startswith("data: "):
                    return name, json.loads(line.removeprefix("data: "))


@pytest.fixture
async def page(tmp_path: Path) -> AsyncIterator[Page]:
    (tmp_path / "static").mkdir()
    (tmp_path / "static" / "index.html").write_text("<h1>chat</h1>")
    (tmp_path / "static" / "app.js").write_text("start()")
    (tmp_path / "static" / ".secret").write_text("hidden")
    (tmp_path / "outside.js").write_text("outside")
    (tmp_path / "static" / "link.js").symlink_to(tmp_path / "outside.js")
    slack = SlackStandIn(SlackSettings(BOT_TOKEN, SECRET, None, None, rate_limits=False), static=tmp_path / "static")
    slack.register_commands(MANIFEST)
    await slack.start()
    app = BoltApp(slack, BOT_TOKEN, SECRET)
    slack.deliver_to(await app.listen())
    async with aiohttp.ClientSession() as session:
        opened = Page(slack, session)
        yield opened
        for stream in opened.streams:
            stream.close()
    await app.stop()
    await slack.stop()


async def watch(page: Page, user: str) -> Stream:
    response = await page.session.get(f"{page.slack.url}/page/api/events?as={user}")
    page.streams.append(response)
    assert response.headers["Content-Type"] == "text/event-stream"
    assert await response.content.readline() == b": welcome\n"
    return Stream(response)


async def test_the_page_learns_the_workspace(page: Page) -> None:
    result = await page.get("workspace")
    assert result["team"] == {"id": "T0SANDBOX", "name": "Lineside", "domain": "lineside"}
    assert [item["name"] for item in result["people"]] == ["ana", "lee", "max", "gus"]
    assert [item["name"] for item in result["channels"]] == ["ops", "dev", "staging", "prod", "random"]
    assert {"command": "/deploy", "usage_hint": "<env> [ref]", "description": "Deploy"} in result["commands"]
    assert result["bot"] == {"id": "U0SIGNAL", "name": "Signalbox"}


async def test_a_command_a_click_and_what_the_page_hears_of_them(page: Page) -> None:
    ana, lee = await watch(page, "U0ANA"), await watch(page, "U0LEE")
    assert await page.post("say", user="U0ANA", channel="C0OPS", text="/deploy staging") == {"ok": True}
    heard = dict([await ana.next(), await ana.next()])
    assert heard["ephemeral"]["message"]["text"] == "on it"
    assert heard["message"]["channel"] == "C0OPS"
    name, data = await lee.next()
    message = data["message"]
    assert (name, message["username"], message["bot_id"]) == ("message", "Signalbox", "B0SIGNAL")
    block = message["blocks"][1]
    done = await page.post(
        "act",
        user="U0LEE",
        channel="C0OPS",
        ts=message["ts"],
        block_id=block["block_id"],
        action_id="approve",
        value="12",
    )
    assert done == {"ok": True}
    name, data = await lee.next()
    assert (name, data["message"]["text"], data["message"]["blocks"]) == ("changed", "Approved by <@U0LEE>", [])
    listed = (await page.get("channels/C0OPS/messages?as=U0ANA"))["messages"]
    assert [(item["text"], item["ephemeral"]) for item in listed if item["ephemeral"]] == [("on it", True)]
    assert len((await page.get("channels/C0OPS/messages?as=U0LEE"))["messages"]) == 1


async def test_a_thread_holds_its_replies(page: Page) -> None:
    await page.post("say", user="U0ANA", channel="C0DEV", text="first")
    (parent,) = (await page.get("channels/C0DEV/messages?as=U0LEE"))["messages"]
    await page.post("say", user="U0LEE", channel="C0DEV", text="second", thread_ts=parent["ts"])
    thread = (await page.get(f"channels/C0DEV/threads/{parent['ts']}?as=U0ANA"))["messages"]
    assert [item["text"] for item in thread] == ["first", "second"]
    (parent,) = (await page.get("channels/C0DEV/messages?as=U0LEE"))["messages"]
    assert (parent["reply_count"], parent["latest_reply"]) == (1, thread[1]["ts"])


async def test_a_page_that_is_loaded_anew_shows_the_modal_that_is_open(page: Page) -> None:
    stream = await watch(page, "U0ANA")
    await page.post("say", user="U0ANA", channel="C0OPS", text="/deploy")
    _, opened = await stream.next()
    name, again = await (await watch(page, "U0ANA")).next()
    assert (name, again["view"]["id"]) == ("view", opened["view"]["id"])
    lee = await watch(page, "U0LEE")
    await page.post("say", user="U0LEE", channel="C0OPS", text="hello")
    assert (await lee.next())[0] == "message"


async def test_a_modal_comes_is_corrected_and_goes(page: Page) -> None:
    stream = await watch(page, "U0ANA")
    await page.post("say", user="U0ANA", channel="C0OPS", text="/deploy")
    name, data = await stream.next()
    view = data["view"]
    assert (name, view["title"]["text"]) == ("view", "Deploy")

    async def submit(ref: str) -> dict[str, Any]:
        environment = {"type": "static_select", "selected_option": {"value": "prod"}}
        typed = {"type": "plain_text_input", "value": ref}
        values = {"environment": {"environment": environment}, "ref": {"ref": typed}}
        return await page.post("submit", user="U0ANA", view_id=view["id"], values=values)

    wrong = await submit("../..")
    assert (wrong["ok"], wrong["errors"]) == (False, {"ref": "No such ref."})
    assert await submit("main") == {"ok": True}
    assert await stream.next() == ("view", {"view": None})
    assert await submit("main") == {"ok": False, "error": "this view is gone"}
    assert await page.post("close", user="U0ANA", view_id=view["id"]) == {"ok": True}


async def test_nobody_acts_in_anothers_modal(page: Page) -> None:
    await page.post("say", user="U0ANA", channel="C0OPS", text="/deploy")
    view = await page.slack.person("ana").wait_for_view(5)
    result = await page.post("submit", user="U0GUS", view_id=view.id, values={})
    assert result == {"ok": False, "error": "this view is gone"}
    assert view.open


async def test_the_home_tab_is_asked_for_once(page: Page) -> None:
    assert (await page.get("home?as=U0GUS"))["view"]["type"] == "home"
    assert (await page.get("home?as=U0GUS"))["view"]["type"] == "home"
    assert sum(call.method == "views.publish" for call in page.slack.calls) == 1


async def test_an_error_is_worded_as_slack_words_it(page: Page) -> None:
    result = await page.post("say", user="U0ANA", channel="C0OPS", text="/destroy")
    assert result == {"ok": False, "error": "/destroy is not a valid command"}
    page.slack.deliver_to("http://127.0.0.1:9/slack/events")
    result = await page.post("say", user="U0ANA", channel="C0OPS", text="/deploy dev")
    assert result == {"ok": False, "error": '/deploy failed with the error "dispatch_failed"'}


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/page/api/home?as=U0NOBODY", 400),
        ("/page/api/home?as=U0SIGNAL", 400),
        ("/page/api/channels/C0NONE/messages?as=U0ANA", 404),
        ("/page/api/channels/C0OPS/threads/1.0?as=U0ANA", 404),
        ("/page/api/nothing", 404),
    ],
)
async def test_what_is_not_there_is_refused(page: Page, path: str, status: int) -> None:
    assert await page.status(path) == status


async def test_another_sites_page_may_do_nothing(page: Page) -> None:
    assert await page.status("/page/api/workspace", headers={"Origin": "https://evil.example"}) == 403
    assert await page.status("/page/api/workspace", headers={"Host": "evil.example"}) == 403
    assert await page.status("/page/api/workspace", headers={"Origin": page.slack.url}) == 200


async def test_the_page_itself_is_served_and_nothing_beside_it(page: Page) -> None:
    async with page.session.get(f"{page.slack.url}/") as response:
        assert await response.text() == "<h1>chat</h1>"
        assert response.headers["Cache-Control"] == "no-store"
    assert await page.status("/app.js") == 200
    for path in (
        "/../outside.js",
        "/%2e%2e/outside.js",
        "/..%2foutside.js",
        "/link.js",
        "/.secret",
        "/none.js",
        "/a%00.js",
    ):
        assert await page.status(path) == 404, path


async def test_the_server_stops_at_once_with_pages_open(page: Page) -> None:
    stream = await watch(page, "U0ANA")
    async with asyncio.timeout(60):
        await page.slack.stop()
    assert await stream.response.content.read() == b"\n"
