"""A browser on the chat page, the Slack stand-in behind it, and a small Bolt app to answer."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aiohttp import web
from playwright.async_api import async_playwright
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from sandbox.slack import SlackSettings, SlackStandIn
from tests import programs

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from playwright.async_api import Browser, Page

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "sandbox" / "page"
TOKEN = "xoxb-planted-bot-token"
SECRET = "planted-signing-secret"
MANIFEST: dict[str, Any] = {
    "display_information": {"name": "Signalbox"},
    "features": {
        "app_home": {"home_tab_enabled": True},
        "bot_user": {"display_name": "Signalbox"},
        "slash_commands": [
            {"command": "/deploy", "description": "Deploy code", "usage_hint": "<environment> [ref]"},
            {"command": "/plan", "description": "Plan infrastructure", "usage_hint": "<environment>"},
            {"command": "/whisper", "description": "Answer only me"},
            {"command": "/silent", "description": "Never answers"},
        ],
        "shortcuts": [{"name": "Ask for it…", "type": "global", "callback_id": "ask", "description": "From anywhere"}],
    },
    "oauth_config": {
        "scopes": {"bot": ["commands", "chat:write", "channels:read", "channels:history", "files:write", "users:read"]}
    },
    "settings": {
        "interactivity": {"is_enabled": True},
        "event_subscriptions": {"bot_events": ["app_home_opened"]},
    },
}


def words(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text}


def mrkdwn(text: str) -> dict[str, Any]:
    return {"type": "mrkdwn", "text": text}


def section(text: str, **more: Any) -> dict[str, Any]:
    return {"type": "section", "text": mrkdwn(text), **more}


def button(text: str, action_id: str, **more: Any) -> dict[str, Any]:
    return {"type": "button", "text": words(text), "action_id": action_id, "value": action_id, **more}


MODAL: dict[str, Any] = {
    "type": "modal",
    "callback_id": "deploy",
    "notify_on_close": True,
    "title": words("Deploy"),
    "submit": words("Go"),
    "close": words("Not now"),
    "blocks": [
        {
            "type": "input",
            "block_id": "environment",
            "label": words("Environment"),
            "element": {
                "type": "static_select",
                "action_id": "environment",
                "options": [{"text": words(name), "value": name} for name in ("dev", "staging")],
            },
        },
        {
            "type": "input",
            "block_id": "ref",
            "label": words("Ref"),
            "hint": words("A branch or a tag"),
            "element": {"type": "plain_text_input", "action_id": "ref"},
        },
    ],
}
APPROVAL = [
    section("Apply *3 changes*?"),
    {
        "type": "actions",
        "block_id": "decision",
        "elements": [
            button(
                "Approve",
                "approve",
                style="primary",
                confirm={
                    "title": words("Apply?"),
                    "text": mrkdwn("It changes *staging*."),
                    "confirm": words("Apply"),
                    "deny": words("Not yet"),
                },
            ),
            button("Wait", "wait"),
            {
                "type": "static_select",
                "action_id": "pick",
                "placeholder": words("Pick one"),
                "options": [{"text": words(name), "value": name} for name in ("blue", "green")],
            },
            {
                "type": "overflow",
                "action_id": "more",
                "options": [{"text": words(name), "value": name} for name in ("log", "again")],
            },
        ],
    },
]


class SmallApp:
    """Records in `heard` what it received; a click on Wait and /silent are acknowledged once `go_on` is set."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        self.go_on = asyncio.Event()
        self.client = AsyncWebClient(token=TOKEN)
        # By itself Bolt answers 404 after three seconds, which on a busy machine is before Slack's time is over.
        self.app = AsyncApp(client=self.client, signing_secret=SECRET, process_before_response=True)
        for name, listener in {
            "/deploy": self._deploy,
            "/plan": self._plan,
            "/whisper": self._whisper,
            "/silent": self._silent,
        }.items():
            self.app.command(name)(listener)
        self.app.shortcut("ask")(self._deploy)
        self.app.view("deploy")(self._submitted)
        self.app.view_closed("deploy")(self._closed)
        for action, do in {
            "approve": self._approve,
            "wait": self._wait,
            "pick": self._pick,
            "more": self._pick,
        }.items():
            self.app.action(action)(do)
        self.app.event("app_home_opened")(self._home)

    async def _deploy(self, ack: Any, body: dict[str, Any], client: Any) -> None:
        await ack()
        await client.views_open(trigger_id=body["trigger_id"], view=MODAL)

    async def _plan(self, ack: Any, say: Any) -> None:
        await ack()
        await say(text="A plan", blocks=APPROVAL)

    async def _whisper(self, ack: Any, body: dict[str, Any]) -> None:
        await ack(f"only for <@{body['user_id']}>: `{body['text']}`")

    async def _silent(self, ack: Any) -> None:
        self.heard.append("silence")
        await self.go_on.wait()
        await ack()

    async def _submitted(self, ack: Any, body: dict[str, Any], view: dict[str, Any], client: Any) -> None:
        ref = view["state"]["values"]["ref"]["ref"]["value"]
        environment = view["state"]["values"]["environment"]["environment"]["selected_option"]["value"]
        if ref == "nothing":
            await ack(response_action="errors", errors={"ref": "There is no ref of that name"})
            return
        await ack()
        await client.chat_postMessage(
            channel="C0STAGING", text=f"{body['user']['name']} deploys {ref} to {environment}"
        )

    async def _closed(self, ack: Any, body: dict[str, Any]) -> None:
        await ack()
        self.heard.append(f"{body['user']['name']} closed {body['view']['callback_id']}")

    async def _approve(self, ack: Any, body: dict[str, Any], client: Any) -> None:
        await ack()
        self.heard.append(f"approved by {body['user']['name']}")
        decided = [section(f"Approved by <@{body['user']['id']}>")]
        await client.chat_update(
            channel=body["channel"]["id"], ts=body["message"]["ts"], text="Approved", blocks=decided
        )

    async def _wait(self, ack: Any) -> None:
        await self.go_on.wait()
        await ack()

    async def _pick(self, ack: Any, body: dict[str, Any]) -> None:
        await ack()
        self.heard.append(f"picked {body['actions'][0]['selected_option']['value']}")

    async def _home(self, event: dict[str, Any], client: Any) -> None:
        view = {"type": "home", "blocks": [section(f"Welcome home, <@{event['user']}>")]}
        await client.views_publish(user_id=event["user"], view=view)


@dataclass
class Chat:
    """The stand-in, the app, and pages on it; `outside` are requests that went anywhere else."""

    slack: SlackStandIn
    app: SmallApp
    browser: Browser
    outside: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    async def post(self, text: str = "posted", channel: str = "C0STAGING", **more: Any) -> str:
        """A message of the bot; its ts."""
        answer = await self.app.client.chat_postMessage(channel=channel, text=text, **more)
        return str(answer["ts"])

    async def open(self, person: str = "U0ANA", place: str = "C0STAGING", **context: Any) -> Page:
        """The page as one person, once it is connected."""
        fresh = await self.browser.new_context(
            viewport=context.pop("viewport", {"width": 1200, "height": 800}), **context
        )
        page = await fresh.new_page()
        page.set_default_timeout(10_000)
        page.on("request", lambda request: self.outside.append(request.url) if self._is_outside(request.url) else None)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("dialog", lambda dialog: self.errors.append(f"a script opened a dialog: {dialog.message}"))
        await page.goto(f"{self.slack.url}/?as={person}#{place}")
        await page.get_by_test_id(f"person-{person}").wait_for(state="attached")
        return page

    def _is_outside(self, url: str) -> bool:
        return not url.startswith((self.slack.url, "data:"))


async def send(page: Page, text: str) -> None:
    await page.get_by_test_id("composer").fill(text)
    await page.keyboard.press("Enter")


async def eventually(page: Page, holds: Callable[[], bool]) -> None:
    for _ in range(100):
        if holds():
            return
        await page.wait_for_timeout(50)
    raise AssertionError("it did not come about within 5 seconds")


@asynccontextmanager
async def small_world(browser: Browser) -> AsyncIterator[Chat]:
    """Everything behind the page, started; leaving it checks that nothing was sent out and no script failed."""
    app = SmallApp()
    runner = web.AppRunner(app.app.web_app(path="/slack/events"), access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    address = f"http://127.0.0.1:{runner.addresses[0][1]}/slack/events"
    slack = SlackStandIn(SlackSettings(TOKEN, SECRET, None, address, rate_limits=False), static=PAGE)
    slack.register_commands(MANIFEST)
    await slack.start()
    app.client.base_url = f"{slack.url}/api/"
    chat = Chat(slack, app, browser)
    try:
        yield chat
        assert chat.outside == []
        assert chat.errors == []
    finally:
        for context in browser.contexts:
            await context.close()
        app.go_on.set()
        await slack.stop()
        await runner.cleanup()


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """A headless browser. Where it is missing, tests/conftest.py has skipped the test unless CI promises one."""
    program = programs.chromium()
    assert program is not None, programs.NEEDS["needs_chromium"].remedy
    async with async_playwright() as playwright:
        arguments = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        browser = await playwright.chromium.launch(executable_path=program, args=arguments)
        try:
            yield browser
        finally:
            await browser.close()
