"""`python -m tests.gallery [folder]`: writes pictures of every message, and prints what is over the budget."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from tests.gallery.budget import over_budget
from tests.gallery.pictures import measured, photographed
from tests.gallery.samples import samples
from tests.real.chat_page_support import ROOT, chromium, small_world


async def main(folder: Path) -> int:
    """The exit status: 1 where a message is over the budget."""
    folder.mkdir(parents=True, exist_ok=True)
    drawn = samples()
    async with chromium() as browser, small_world(browser) as chat:
        await photographed(chat, drawn, folder)
        faults = over_budget(drawn, await measured(chat, drawn))
    print(*faults, f"{len(drawn)} messages: {folder}/index.html", sep="\n")  # noqa: T201  -- a command line prints
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main(Path(sys.argv[1]) if sys.argv[1:] else ROOT / ".cache" / "gallery")))
