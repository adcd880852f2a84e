"""The chat page around the messages: places, connection, scrolling, themes, small screens."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Route, expect

from tests.real.chat_page_support import APPROVAL, section, send

if TYPE_CHECKING:
    from tests.real.chat_page_support import Chat

pytestmark = [pytest.mark.needs_chromium, pytest.mark.asyncio(loop_scope="module")]


async def test_the_address_says_who_and_where_and_the_way_back_works(chat: Chat) -> None:
    page = await chat.open("U0LEE", "C0PROD")
    await expect(page.get_by_role("heading", level=1)).to_have_text("prod")
    await expect(page.get_by_test_id("person-U0LEE")).to_have_attribute("aria-pressed", "true")
    await page.get_by_test_id("channel-C0DEV").click()
    await page.get_by_test_id("person-U0GUS").click()
    address = urlsplit(page.url)
    assert (address.query, address.fragment) == ("as=U0GUS", "C0DEV")
    await page.go_back()
    await expect(page.get_by_role("heading", level=1)).to_have_text("prod")


async def test_the_keyboard_moves_between_channels_and_people(chat: Chat) -> None:
    page = await chat.open(place="C0STAGING")
    await page.keyboard.press("Alt+ArrowDown")
    await expect(page.get_by_role("heading", level=1)).to_have_text("prod")
    await page.keyboard.press("Alt+ArrowUp")
    await page.keyboard.press("Alt+ArrowUp")
    await expect(page.get_by_role("heading", level=1)).to_have_text("dev")
    await page.keyboard.press("Control+k")
    await page.keyboard.type("max")
    await page.keyboard.press("Enter")
    await expect(page.get_by_test_id("person-U0MAX")).to_have_attribute("aria-pressed", "true")
    await page.keyboard.press("Control+k")
    await page.keyboard.type("rand")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", level=1)).to_have_text("random")
    await expect(page.get_by_test_id("composer")).to_be_focused()


async def test_channels_show_what_came_while_nobody_looked(chat: Chat) -> None:
    page = await chat.open(place="C0OPS")
    await chat.post("for everybody", "C0DEV")
    await chat.post("for <@U0ANA>", "C0PROD")
    await expect(page.get_by_test_id("channel-C0DEV")).to_contain_text("unread")
    await expect(page.get_by_test_id("channel-C0PROD")).to_contain_text("1 for you")
    await page.get_by_test_id("channel-C0PROD").click()
    await expect(page.get_by_text("for @Ana Duarte")).to_be_visible()
    await expect(page.get_by_test_id("channel-C0PROD")).to_have_text("prod")


async def test_a_message_that_comes_while_the_history_is_read_is_kept(chat: Chat) -> None:
    page = await chat.open()
    ts = await chat.post("parent")
    arrived = page.get_by_test_id("message").filter(has_text="meanwhile")

    async def answer_late(route: Route) -> None:
        answer = await route.fetch()
        await chat.post("meanwhile")
        await expect(arrived).to_be_visible()
        await route.fulfill(response=answer)

    await page.route("**/channels/C0STAGING/messages*", answer_late, times=1)
    await chat.app.client.chat_postMessage(channel="C0STAGING", thread_ts=ts, text="reply")
    await expect(page.get_by_text("1 reply")).to_be_visible()
    await expect(arrived).to_be_visible()


async def test_the_page_connects_again_and_catches_up_on_what_it_missed(chat: Chat) -> None:
    page = await chat.open()
    port = urlsplit(chat.slack.url).port
    await chat.slack.stop()
    await expect(page.get_by_text("reconnecting…")).to_be_visible()
    assert port
    await chat.slack.start(port)
    await chat.post("said while the page was away")
    await expect(page.get_by_test_id("message")).to_contain_text("said while the page was away")
    await expect(page.get_by_text("reconnecting…")).to_have_count(0)


async def test_the_bottom_stays_in_view_unless_the_person_reads_further_up(chat: Chat) -> None:
    for number in range(30):
        await chat.post(f"message {number}")
    page = await chat.open()
    await expect(page.get_by_text("message 29")).to_be_in_viewport()
    ts = await chat.post("the newest")
    await expect(page.get_by_test_id("message").filter(has_text="the newest")).to_be_in_viewport()
    blocks = [section(f"part {number}") for number in range(8)]
    await chat.app.client.chat_update(channel="C0STAGING", ts=ts, text="grown", blocks=blocks)
    await expect(page.get_by_text("part 7")).to_be_in_viewport()
    await page.locator(".timeline").first.evaluate("(list) => { list.scrollTop = 0; }")
    await expect(page.get_by_text("message 0", exact=True)).to_be_in_viewport()
    await chat.post("unseen")
    await page.get_by_role("button", name="New messages").click()
    await expect(page.get_by_test_id("message").filter(has_text="unseen")).to_be_in_viewport()


async def test_new_messages_are_announced(chat: Chat) -> None:
    page = await chat.open()
    await expect(page.get_by_text("Nothing has been said in #staging yet.")).to_be_visible()
    await chat.post("Deploying *main*")
    await expect(page.get_by_test_id("announcer")).to_have_text("Signalbox: Deploying main")


CONTRAST = """() => {
  const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  const over = (layers) => {
    canvas.clearRect(0, 0, 1, 1);
    for (const layer of layers) { canvas.fillStyle = layer; canvas.fillRect(0, 0, 1, 1); }
    return canvas.getImageData(0, 0, 1, 1).data;
  };
  const light = (data) => [0.2126, 0.7152, 0.0722].reduce((sum, share, at) => {
    const part = data[at] / 255;
    return sum + share * (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
  }, 0);
  const poor = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const element = node.parentElement;
    if (!node.data.trim() || !element.checkVisibility({ opacityProperty: true }) || element.closest("svg, .sr-only")) continue;
    const behind = [];
    for (let each = element; each; each = each.parentElement) behind.unshift(getComputedStyle(each).backgroundColor);
    const under = light(over(behind));
    const ink = light(over([...behind, getComputedStyle(element).color]));
    const ratio = (Math.max(under, ink) + 0.05) / (Math.min(under, ink) + 0.05);
    if (ratio < 4.5) poor.push(`${ratio.toFixed(2)} ${element.className || element.tagName}: ${node.data.trim().slice(0, 30)}`);
  }
  return poor;
}"""


@pytest.mark.parametrize("theme", ["light", "dark"])
async def test_every_word_stands_out_enough_in_both_themes(chat: Chat, theme: str) -> None:
    ts = await chat.post(
        "p", blocks=[*APPROVAL, section("`code` <https://x.example|link> <@U0ANA> <@U0LEE>\n&gt; said")]
    )
    await chat.post("reply", thread_ts=ts)
    await chat.post("for <@U0ANA>", "C0PROD")
    page = await chat.open(color_scheme=theme, reduced_motion="reduce")
    await send(page, "/whisper `x`")
    await send(page, "/nonsense")
    await expect(page.get_by_role("log").get_by_text("/nonsense is not a valid command")).to_be_visible()
    await page.get_by_test_id("composer").press_sequentially("/")
    await expect(page.get_by_test_id("composer-completions")).to_be_visible()
    await page.wait_for_timeout(200)
    assert await page.evaluate(CONTRAST) == []


async def test_the_theme_is_the_systems_until_one_is_chosen_and_the_choice_is_remembered(chat: Chat) -> None:
    page = await chat.open(color_scheme="dark")
    root = page.locator("html")
    await expect(root).to_have_css("color-scheme", "dark")
    await page.get_by_test_id("theme").click()
    await expect(root).to_have_css("color-scheme", "light")
    await page.reload()
    await expect(root).to_have_css("color-scheme", "light")
    await page.get_by_test_id("theme").click()
    await page.emulate_media(color_scheme="light")
    await expect(root).to_have_css("color-scheme", "light")


@pytest.mark.parametrize("size", [(380, 740), (640, 400)], ids=["phone", "200 % zoom"])
async def test_small_screens_keep_everything_within_reach(chat: Chat, size: tuple[int, int]) -> None:
    await chat.post("A plan", blocks=[*APPROVAL, section("`" + "long" * 60 + "`")])
    page = await chat.open(viewport={"width": size[0], "height": size[1]})
    await expect(page.locator("[data-action-id=approve]")).to_be_attached()
    assert await page.evaluate("document.documentElement.scrollWidth") <= size[0]
    await expect(page.get_by_test_id("composer")).to_be_in_viewport()
    await page.get_by_test_id("menu").click()
    await expect(page.get_by_test_id("channel-C0DEV")).to_be_in_viewport()
    await page.keyboard.press("Escape")
    await expect(page.get_by_test_id("channel-C0DEV")).not_to_be_in_viewport()
    await expect(page.get_by_test_id("menu")).to_be_focused()
    await page.get_by_test_id("menu").click()
    await page.get_by_test_id("channel-C0DEV").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text(re.compile("dev"))
