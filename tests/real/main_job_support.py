"""The whole sandbox behind a browser: what people do on the chat page, and pictures of it for a person to see."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sandbox.github.seed import INFRASTRUCTURE
from sandbox.world import Options, World
from tests.real.chat_page_support import ROOT, chromium

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from playwright.async_api import Browser, Locator, Page

PICTURES = ROOT / "tests" / "screenshots"
STAGING = "instances/staging/main.tf"
PLAN_TAKES = 60_000  # milliseconds, on a machine that is busy with other tests as well
JOBS_TAKE = 90_000


@dataclass
class Chat:
    """The sandbox, and pages on it; `errors` are scripts that failed and requests to anywhere else."""

    world: World
    browser: Browser
    errors: list[str] = field(default_factory=list)

    async def open(self, person: str = "U0ANA", place: str = "C0STAGING") -> Page:
        """The page as one person, once the channel is there."""
        context = await self.browser.new_context(viewport={"width": 1280, "height": 900}, color_scheme="light")
        page = await context.new_page()
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("request", lambda request: self._look_at(request.url))
        await page.goto(f"{self.world.slack.url}/?as={person}#{place}")
        await page.get_by_test_id(f"person-{person}").wait_for(state="attached")
        return page

    def machines_wait(self) -> Path:
        """New machines of staging are up once the file exists that this names; until then the apply goes on."""
        repository = self.world.github.repository(INFRASTRUCTURE)
        text = repository.graph.resolve("main").files[STAGING].decode()
        up = self.world.machines_of("staging") / "machines-are-up"
        waits = text.replace('default     = "true"', f'default     = "until [ -e {up} ]; do sleep 0.1; done"')
        if waits == text:
            raise AssertionError(f"{STAGING} has no command to wait in")
        repository.commit("main", {STAGING: waits}, "Wait until new machines answer")
        return up

    def _look_at(self, url: str) -> None:
        if not url.startswith((self.world.slack.url, "data:")):
            self.errors.append(f"the page asked for {url}")


@asynccontextmanager
async def whole_sandbox() -> AsyncIterator[Chat]:
    """The real bot, the stand-ins, and a browser. No script may have failed when it ends."""
    async with chromium() as browser, World(Options()) as world:
        chat = Chat(world, browser)
        yield chat
        for context in browser.contexts:
            await context.close()
        assert chat.errors == []


async def act_as(page: Page, person: str) -> None:
    """Take another person's seat."""
    await page.get_by_test_id(f"person-{person}").click()


async def types(page: Page, text: str) -> None:
    """Type into the composer and send."""
    await page.get_by_test_id("composer").press_sequentially(text)
    await page.keyboard.press("Enter")


def message(page: Page, words: str) -> Locator:
    """The message of the channel that says these words, before the notices about it."""
    return page.get_by_role("log").first.get_by_test_id("message").filter(has_text=words).first


async def press(page: Page, rendered: Locator, button: str) -> None:
    """Press a message's button and agree to what it asks."""
    await rendered.get_by_role("button", name=button).click()
    await page.get_by_test_id("confirm-ok").click()


async def picture(page: Page, name: str) -> None:
    """Write tests/screenshots/NAME-light.png and NAME-dark.png."""
    PICTURES.mkdir(exist_ok=True)
    for theme in ("dark", "light"):
        await page.emulate_media(color_scheme="dark" if theme == "dark" else "light")
        await page.screenshot(path=PICTURES / f"{name}-{theme}.png", animations="disabled")
