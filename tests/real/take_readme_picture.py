"""Takes the README's picture anew: `.venv/bin/python -m tests.real.take_readme_picture`."""

from __future__ import annotations

import asyncio

from playwright.async_api import expect

from tests.real.chat_page_support import ROOT
from tests.real.main_job_support import PLAN_TAKES, act_as, message, press, types, whole_sandbox

PICTURE = ROOT / "docs" / "images" / "plan-approved.png"


async def take() -> None:
    """Plan staging as Ana, approve as Lee, and write the picture once it is applied."""
    async with whole_sandbox() as chat:
        page = await chat.open("U0ANA", "C0STAGING")
        await page.set_viewport_size({"width": 1200, "height": 860})
        await types(page, "/plan staging")
        plan = message(page, "Plan for staging")
        await expect(plan).to_contain_text("Waiting for approval", timeout=PLAN_TAKES)
        await act_as(page, "U0LEE")
        await press(page, plan, "Approve and apply to staging")
        await expect(plan).to_contain_text("applied, 3 replaced", timeout=PLAN_TAKES)
        PICTURE.parent.mkdir(exist_ok=True)
        # What has the focus or lies under the mouse is drawn as if somebody were about to use it.
        await page.evaluate("document.activeElement.blur()")
        await page.mouse.move(0, 0)
        await page.screenshot(path=PICTURE, animations="disabled")
    print(f"{PICTURE.relative_to(ROOT)}: {PICTURE.stat().st_size // 1000} kB")  # noqa: T201 - a command line prints


if __name__ == "__main__":
    asyncio.run(take())
