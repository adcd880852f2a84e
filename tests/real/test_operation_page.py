"""The page of an operation in a browser: its style counts under its own policy, hostile output stays text, it fits a phone."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from bot.inbound.pages import HEADERS
from handlers.infra import page_html
from handlers.infra.operation_page import PageContent, PageLog, Step
from tests.real.chat_page_support import chromium

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from playwright.async_api import Page

pytestmark = pytest.mark.needs_chromium
HOSTILE = "</pre><script>document.title='taken'</script><img src=x onerror=\"document.title='taken'\">" + "x" * 400
AT = 1_795_000_000.0
CONTENT = PageContent(
    number=12, title=f"Deploy {HOSTILE}", environment="staging", status="running", activity="is deploying", requester="Ana",
    created_at=AT, ended_at=None, now=AT + 60, steps=(Step(AT, "Ana", "requested", HOSTILE, intact=True),),
    changes=(("aws_instance.a[0]", "delete"),), logs=(PageLog("cron", "failed", "", HOSTILE),), cause="Likely cause: no `disk`.",
)  # fmt: skip


@asynccontextmanager
async def served() -> AsyncIterator[str]:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(text=page_html.page(CONTENT), content_type="text/html", headers=HEADERS)

    application = web.Application()
    application.router.add_get("/operations/12", answer)
    async with TestServer(application) as server:
        yield str(server.make_url("/operations/12"))


async def ground(page: Page) -> str:
    return str(await page.evaluate("getComputedStyle(document.body).backgroundColor"))


async def test_style_counts_and_hostile_output_stays_text_on_a_phone_in_the_dark() -> None:
    complaints: list[str] = []
    async with served() as url, chromium() as browser:
        for scheme, colour in (("light", "rgb(255, 255, 255)"), ("dark", "rgb(26, 29, 33)")):
            context = await browser.new_context(viewport={"width": 390, "height": 800}, color_scheme=scheme)  # type: ignore[arg-type]
            page = await context.new_page()
            page.on("console", lambda message: complaints.append(message.text))
            page.on("pageerror", lambda error: complaints.append(str(error)))
            await page.goto(url)
            assert await ground(page) == colour
            assert await page.evaluate("document.documentElement.scrollWidth") <= 390
            assert await page.title() != "taken"
            assert await page.locator("script, img").count() == 0
            assert HOSTILE in await page.locator("pre").inner_text()
            await context.close()
    assert complaints == []
