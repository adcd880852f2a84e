"""The page on which a person enters a value, in a browser: by the keyboard alone, under its own policy, wide and narrow."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import async_playwright, expect

from sandbox.stories import secret_set
from tests import programs
from tests.scenarios.conftest import running
from tests.scenarios.test_secret_set import held, link, waits

pytestmark = [pytest.mark.needs_chromium, pytest.mark.slow("starts a bot and a browser")]
VALUE = "-----BEGIN KEY-----\nzwölf 🚀 <b>\n-----END KEY-----"


@pytest.mark.parametrize("width", [1200, 390])
async def test_a_value_is_entered_by_the_keyboard(width: int) -> None:
    async with running(secret_set.OPTIONS) as world, async_playwright() as playwright:
        address = await link(world, await waits(world))
        browser = await playwright.chromium.launch(executable_path=programs.chromium(), args=["--no-sandbox"])
        page = await browser.new_page(viewport={"width": width, "height": 800})
        problems: list[str] = []
        page.on("console", lambda message: problems.append(message.text))
        page.on("pageerror", lambda error: problems.append(str(error)))
        requested: list[str] = []
        page.on("request", lambda request: requested.append(request.url))
        await page.goto(address)
        field = page.get_by_role("textbox", name="Value")
        await expect(field).to_be_focused()
        await expect(field).to_have_accessible_description(re.compile("Several lines are kept"))
        assert await page.evaluate("document.documentElement.scrollWidth") <= width, "it is wider than the screen"
        await page.keyboard.insert_text(VALUE)
        await page.keyboard.press("Tab")
        await expect(page.get_by_role("button", name="Store the value")).to_be_focused()
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("status")).to_contain_text("DATABASE_PASSWORD of staging is stored in")
        assert held(world) == VALUE
        assert set(requested) == {address}, "it loads something from elsewhere"
        assert not [problem for problem in problems if "favicon" not in problem], problems
        await page.go_back()
        assert VALUE not in await page.content()
        await browser.close()
