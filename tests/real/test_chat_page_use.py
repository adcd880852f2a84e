"""What a person does on the chat page: types, clicks, fills in, switches, and loses the connection."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
import pytest_asyncio
from playwright.async_api import expect

from tests.real.chat_page_support import APPROVAL, chromium, section, small_world

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from playwright.async_api import Browser, Page

    from tests.real.chat_page_support import Chat

pytestmark = [pytest.mark.needs_chromium, pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as started:
        yield started


@pytest_asyncio.fixture(loop_scope="module")
async def chat(browser: Browser) -> AsyncIterator[Chat]:
    async with small_world(browser) as world:
        yield world


async def send(page: Page, text: str) -> None:
    await page.get_by_test_id("composer").fill(text)
    await page.keyboard.press("Enter")


async def eventually(page: Page, holds: Callable[[], bool]) -> None:
    for _ in range(100):
        if holds():
            return
        await page.wait_for_timeout(50)
    raise AssertionError("it did not come about within 5 seconds")


async def test_commands_are_completed_with_the_keyboard_alone(chat: Chat) -> None:
    page = await chat.open()
    composer = page.get_by_test_id("composer")
    await composer.press_sequentially("/")
    options = page.get_by_test_id("composer-completions").get_by_role("option")
    await expect(options).to_have_count(4)
    await expect(options.first).to_contain_text("<environment> [ref]")
    await page.keyboard.press("ArrowDown")
    await expect(options.nth(1)).to_have_attribute("aria-selected", "true")
    await page.keyboard.press("Tab")
    await expect(composer).to_have_value("/plan ")
    await expect(page.get_by_test_id("composer-usage")).to_contain_text("/plan <environment>")
    await composer.fill("")
    await composer.press_sequentially("/whi")
    await page.keyboard.press("Escape")
    await expect(page.get_by_test_id("composer-completions")).to_be_hidden()
    await expect(composer).to_have_value("/whi")
    await composer.press_sequentially("s")
    await page.keyboard.press("Enter")
    await expect(composer).to_have_value("/whisper ")


async def test_a_command_typed_in_full_is_sent_by_one_enter(chat: Chat) -> None:
    page = await chat.open()
    await page.get_by_test_id("composer").press_sequentially("/deploy")
    await page.keyboard.press("Enter")
    await expect(page.get_by_test_id("modal")).to_be_visible()


async def test_shift_enter_makes_a_line_and_arrow_up_brings_back_what_was_sent(chat: Chat) -> None:
    page = await chat.open()
    composer = page.get_by_test_id("composer")
    await composer.press_sequentially("one")
    await page.keyboard.press("Shift+Enter")
    await composer.press_sequentially("two")
    await page.keyboard.press("Enter")
    await expect(page.get_by_test_id("message")).to_contain_text("one\ntwo")
    await expect(composer).to_have_value("")
    await send(page, "three")
    await page.keyboard.press("ArrowUp")
    await expect(composer).to_have_value("three")
    await page.keyboard.press("ArrowUp")
    await expect(composer).to_have_value("one\ntwo")
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("ArrowDown")
    await expect(composer).to_have_value("")


async def test_a_modal_shows_its_errors_keeps_what_was_typed_and_closes_when_taken(chat: Chat) -> None:
    page = await chat.open()
    await send(page, "/deploy")
    modal = page.get_by_test_id("modal")
    await modal.get_by_label("Ref").fill("nothing")
    await modal.get_by_test_id("modal-submit").click()
    await expect(modal.get_by_text("Please complete this required field.")).to_be_visible()
    await modal.get_by_label("Environment").select_option("staging")
    await modal.get_by_test_id("modal-submit").click()
    await expect(modal.get_by_text("There is no ref of that name")).to_be_visible()
    ref = modal.get_by_label("Ref")
    await expect(ref).to_be_focused()
    await expect(ref).to_have_value("nothing")
    await expect(ref).to_have_attribute("aria-invalid", "true")
    await ref.fill("main")
    await page.keyboard.press("Enter")
    await expect(modal).to_have_count(0)
    await expect(page.get_by_test_id("message")).to_contain_text("ana deploys main to staging")
    await expect(page.get_by_test_id("composer")).to_be_focused()


async def test_the_focus_stays_in_a_modal_and_escape_tells_the_app(chat: Chat) -> None:
    page = await chat.open()
    await send(page, "/deploy")
    modal = page.get_by_test_id("modal")
    await expect(modal.get_by_label("Environment")).to_be_focused()
    for _ in range(7):
        await page.keyboard.press("Tab")
        assert await modal.evaluate("(dialog) => dialog.contains(document.activeElement)")
    await page.keyboard.press("Escape")
    await expect(modal).to_have_count(0)
    await eventually(page, lambda: "ana closed deploy" in chat.app.heard)


async def test_a_confirmed_click_reaches_the_app_and_a_denied_one_does_not(chat: Chat) -> None:
    ts = await chat.post("A plan", blocks=APPROVAL)
    page = await chat.open("U0LEE")
    approve = page.locator("[data-action-id=approve]")
    await approve.click()
    await expect(page.get_by_test_id("confirm")).to_contain_text("It changes staging.")
    await page.keyboard.press("Escape")
    await expect(page.get_by_test_id("confirm")).to_have_count(0)
    await expect(approve).to_be_focused()
    await approve.click()
    await page.get_by_test_id("confirm").get_by_role("button", name="Not yet").click()
    await approve.click()
    await page.get_by_test_id("confirm-ok").click()
    message = page.locator(f"[data-ts='{ts}']")
    await expect(message).to_contain_text("Approved by @Lee Park")
    await expect(message.get_by_role("button", name="Approve")).to_have_count(0)
    await expect(message).to_be_focused()
    assert chat.app.heard == ["approved by lee"]


async def test_a_button_is_busy_until_the_app_has_answered_and_takes_no_second_click(chat: Chat) -> None:
    await chat.post("A plan", blocks=APPROVAL)
    page = await chat.open()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if request.url.endswith("/act") else None)
    wait = page.locator("[data-action-id=wait]")
    size = await wait.bounding_box()
    await wait.click()
    await expect(wait).to_have_attribute("aria-busy", "true")
    await wait.click(force=True)
    assert await wait.bounding_box() == size
    chat.app.go_on.set()
    await expect(wait).not_to_have_attribute("aria-busy", "true")
    assert len(asked) == 1


async def test_a_choice_in_a_message_reaches_the_app(chat: Chat) -> None:
    await chat.post("A plan", blocks=APPROVAL)
    page = await chat.open()
    await page.locator("[data-action-id=pick]").select_option("green")
    await eventually(page, lambda: chat.app.heard == ["picked green"])


async def test_a_click_that_nobody_answers_is_said_under_the_message(chat: Chat) -> None:
    ts = await chat.post("A plan", blocks=APPROVAL)
    page = await chat.open()
    await page.locator("[data-action-id=wait]").click()
    await expect(page.locator(f"[data-ts='{ts}'] [role=alert]")).to_contain_text("operation_timeout")


async def test_an_ephemeral_answer_is_there_for_its_person_alone_until_dismissed(chat: Chat) -> None:
    page = await chat.open()
    await send(page, "/whisper hello")
    answer = page.get_by_test_id("message").filter(has_text="only for @Ana Duarte: hello")
    await expect(answer).to_contain_text("Only visible to you")
    await page.get_by_test_id("person-U0GUS").click()
    await expect(page.get_by_test_id("composer")).to_have_attribute("aria-label", "Message #staging as Gus Hale")
    await expect(answer).to_have_count(0)
    await page.get_by_test_id("person-U0ANA").click()
    await answer.get_by_test_id("dismiss").click()
    await expect(answer).to_have_count(0)
    await page.reload()
    await page.get_by_test_id("person-U0ANA").wait_for()
    await expect(answer).to_have_count(0)


async def test_a_command_that_fails_is_said_to_the_person_as_slack_says_it(chat: Chat) -> None:
    page = await chat.open()
    await send(page, "/silent")
    notice = page.get_by_test_id("message").filter(has_text='/silent failed with the error "operation_timeout"')
    await expect(notice).to_be_visible()
    await expect(notice).to_contain_text("Only visible to you")


async def test_whoever_is_chosen_acts_and_has_modals_and_drafts_of_their_own(chat: Chat) -> None:
    page = await chat.open("U0ANA")
    await send(page, "/deploy")
    modal = page.get_by_test_id("modal")
    await modal.get_by_label("Ref").fill("half written")
    await page.evaluate("document.querySelector('[data-testid=person-U0LEE]').click()")
    await expect(modal).to_have_count(0)
    await page.get_by_test_id("composer").fill("a draft of lee")
    await page.get_by_test_id("person-U0MAX").click()
    await expect(page.get_by_test_id("composer")).to_have_value("")
    await send(page, "max speaks")
    assert chat.slack.workspace.channel("#staging").messages[-1].user == "U0MAX"
    await page.get_by_test_id("person-U0LEE").click()
    await expect(page.get_by_test_id("composer")).to_have_value("a draft of lee")
    await page.get_by_test_id("person-U0ANA").click()
    await expect(modal.get_by_label("Ref")).to_have_value("half written")


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


async def test_a_thread_opens_beside_the_channel_and_takes_replies(chat: Chat) -> None:
    ts = await chat.post("the parent")
    await chat.post("the details", thread_ts=ts)
    page = await chat.open()
    await page.get_by_test_id("open-thread").click()
    thread = page.get_by_test_id("thread")
    await expect(thread).to_contain_text("the details")
    await page.get_by_test_id("thread-composer").fill("my reply")
    await page.keyboard.press("Enter")
    await expect(thread.get_by_test_id("message").last).to_contain_text("my reply")
    await expect(page.get_by_test_id("open-thread")).to_contain_text("2 replies")
    await expect(page.get_by_test_id("message").filter(has_text="my reply")).to_have_count(1)
    await page.keyboard.press("Escape")
    await expect(thread).to_be_hidden()


async def test_the_home_of_the_app_is_made_for_whoever_looks(chat: Chat) -> None:
    page = await chat.open("U0LEE")
    await page.get_by_test_id("home-link").click()
    await expect(page.get_by_test_id("home")).to_contain_text("Welcome home, @Lee Park")
    await page.get_by_test_id("person-U0MAX").click()
    await expect(page.get_by_test_id("home")).to_contain_text("Welcome home, @Max Weber")


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
