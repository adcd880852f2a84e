"""The samples as the chat page draws them, at the width of a phone and of a desk: measured, and as pictures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bot.slack.redacted import opened

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from playwright.async_api import Locator, Page

    from tests.gallery.samples import Sample
    from tests.real.chat_page_support import Chat

PHONE, DESK = 390, 1200  # CSS pixels
PLACE = "C0STAGING"
_MEASURE = """element => {
  element.querySelector('.notified')?.remove();  // the sandbox alone displays this
  const top = element.getBoundingClientRect().top;
  const bottom = part => part.getBoundingClientRect().bottom - top;
  return {height: bottom(element), buttons: Math.max(0, ...[...element.querySelectorAll('.button')].map(bottom))};
}"""


@dataclass(frozen=True, slots=True)
class Size:
    """A drawn message: its height, and where its last button ends, in CSS pixels from its top."""

    height: int
    buttons: int


async def measured(chat: Chat, samples: Sequence[Sample], width: int = PHONE) -> dict[str, Size]:
    """The size of each sample."""
    page = await chat.open(place=PLACE, viewport={"width": width, "height": 900})
    sizes = {}
    for sample in samples:
        drawn = await _drawn(chat, page, sample)
        measures: dict[str, Any] = await drawn.evaluate(_MEASURE)
        sizes[sample.name] = Size(round(measures["height"]), round(measures["buttons"]))
    return sizes


async def photographed(chat: Chat, samples: Sequence[Sample], folder: Path) -> None:
    """Write NAME-phone-light.png and so on for each sample, and a page with all of them."""
    for width, size in ((PHONE, "phone"), (DESK, "desk")):
        for theme in ("light", "dark"):
            page = await chat.open(place=PLACE, viewport={"width": width, "height": 900}, color_scheme=theme)
            for sample in samples:
                drawn = await _drawn(chat, page, sample)
                await drawn.screenshot(path=folder / f"{_file(sample)}-{size}-{theme}.png", animations="disabled")
            await page.close()
    (folder / "index.html").write_text(_index(samples))


async def _drawn(chat: Chat, page: Page, sample: Sample) -> Locator:
    """The message on the page, under the app's name: what a person wrote stands before it."""
    await chat.slack.person("ana").type("#staging", sample.name)
    sent = opened({"text": sample.message.text, "blocks": list(sample.message.blocks)})
    ts = await chat.post(sent["text"], PLACE, blocks=sent["blocks"])
    drawn = page.locator(f"li[data-ts='{ts}']")
    await drawn.wait_for(state="attached")
    return drawn


def _file(sample: Sample) -> str:
    return sample.name.removeprefix("handlers.").replace(" ", "-")


def _index(samples: Sequence[Sample]) -> str:
    rows = "\n".join(
        f"<h2>{sample.name}</h2><p>"
        + " ".join(
            f'<img loading="lazy" src="{_file(sample)}-{size}-{theme}.png" alt="{sample.name}, {size}, {theme}">'
            for size in ("phone", "desk")
            for theme in ("light", "dark")
        )
        + "</p>"
        for sample in samples
    )
    return f'<!doctype html><meta charset="utf-8"><title>Messages of Signalbox</title>\n{rows}\n'
