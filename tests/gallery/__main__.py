"""`python -m tests.gallery [folder]`: writes pictures of every message, and prints what is over the budget.

With SLACK_BOT_TOKEN, also what Slack's own validator refuses.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from slack_sdk.web.async_client import AsyncWebClient

from tests.gallery.budget import over_budget
from tests.gallery.pictures import measured, photographed
from tests.gallery.samples import samples
from tests.gallery.validation import refused_by_slack
from tests.real.chat_page_support import ROOT, chromium, small_world

API = os.environ.get("SLACK_API_URL") or AsyncWebClient.BASE_URL


async def main(folder: Path) -> int:
    """The exit status: 1 where a message is over the budget."""
    folder.mkdir(parents=True, exist_ok=True)
    drawn = samples()
    async with chromium() as browser, small_world(browser) as chat:
        await photographed(chat, drawn, folder)
        faults = over_budget(drawn, await measured(chat, drawn))
    if token := os.environ.get("SLACK_BOT_TOKEN"):
        faults += await refused_by_slack(drawn, AsyncWebClient(token=token, base_url=API))
    print(*faults, f"{len(drawn)} messages: {folder}/index.html", sep="\n")  # noqa: T201  -- a command line prints
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main(Path(sys.argv[1]) if sys.argv[1:] else ROOT / ".cache" / "gallery")))
