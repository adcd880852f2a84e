"""On a phone an asking message is no taller than a screen, and no button is further down than that."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.gallery.budget import over_budget
from tests.gallery.pictures import PHONE, measured, photographed
from tests.gallery.samples import samples

if TYPE_CHECKING:
    from pathlib import Path

    from tests.real.chat_page_support import Chat

pytestmark = [pytest.mark.needs_chromium, pytest.mark.asyncio(loop_scope="module")]


@pytest.mark.slow("draws each message of the gallery")
async def test_every_message_is_within_its_budget(chat: Chat) -> None:
    drawn = samples()
    sizes = await measured(chat, drawn, PHONE)
    assert all(size.height > 20 for size in sizes.values()), "something was not drawn"
    assert over_budget(drawn, sizes) == []


async def test_a_picture_of_each_width_and_theme_is_written(chat: Chat, tmp_path: Path) -> None:
    plan = [sample for sample in samples() if sample.name == "handlers.plan.views.ask four changes"]
    await photographed(chat, plan, tmp_path)
    names = {
        f"plan.views.ask-four-changes-{size}-{theme}.png" for size in ("phone", "desk") for theme in ("light", "dark")
    }
    assert {path.name for path in tmp_path.iterdir()} == {*names, "index.html"}
    assert all(name in (tmp_path / "index.html").read_text() for name in names)
