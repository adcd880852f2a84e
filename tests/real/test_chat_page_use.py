"""What a person does on the chat page: types, clicks, fills in, and takes another seat."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.async_api import expect

from tests.real.chat_page_support import APPROVAL, eventually, send

if TYPE_CHECKING:
    from tests.real.chat_page_support import Chat

pytestmark = [pytest.mark.needs_chromium, pytest.mark.asyncio(loop_scope="module")]

# Slack's three seconds take longer on a busy machine (sandbox/waiting.py).
STRETCHED = 60_000.0  # milliseconds


async def test_commands_are_completed_with_the_keyboard_alone(chat: Chat) -> None:
    page = await chat.open()
    composer = page.get_by_test_id("composer")
    await composer.press_sequentially("/")
    options = page.get_by_test_id("composer-completions").get_by_role("option")
    await expect(options).to_have_count(5)
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


async def test_a_global_shortcut_is_offered_under_the_commands_and_used(chat: Chat) -> None:
    page = await chat.open()
    composer = page.get_by_test_id("composer")
    await composer.press_sequentially("/ask")
    options = page.get_by_test_id("composer-completions").get_by_role("option")
    await expect(options).to_have_text(["Ask for it…Shortcut of Signalbox"])
    await page.keyboard.press("Enter")
    await expect(page.get_by_test_id("modal")).to_be_visible()
    await expect(composer).to_have_value("")


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


async def test_the_overflow_menu_works_from_the_keyboard(chat: Chat) -> None:
    await chat.post("A plan", blocks=APPROVAL)
    page = await chat.open()
    opener = page.get_by_role("button", name="More actions")
    await opener.press("Enter")
    await expect(page.get_by_role("menuitem", name="log")).to_be_focused()
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("menu")).to_be_hidden()
    await expect(opener).to_be_focused()
    await opener.press("Enter")
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("Enter")
    await eventually(page, lambda: chat.app.heard == ["picked again"])


async def test_a_click_that_nobody_answers_is_said_under_the_message(chat: Chat) -> None:
    ts = await chat.post("A plan", blocks=APPROVAL)
    page = await chat.open()
    await page.locator("[data-action-id=wait]").click()
    await expect(page.locator(f"[data-ts='{ts}'] [role=alert]")).to_contain_text("operation_timeout", timeout=STRETCHED)


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
    await expect(notice).to_be_visible(timeout=STRETCHED)
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
    await expect(page.get_by_test_id("message").filter(has_text="max speaks")).to_be_visible(timeout=STRETCHED)
    assert chat.slack.workspace.channel("#staging").messages[-1].user == "U0MAX"
    await page.get_by_test_id("person-U0LEE").click()
    await expect(page.get_by_test_id("composer")).to_have_value("a draft of lee")
    await page.get_by_test_id("person-U0ANA").click()
    await expect(modal.get_by_label("Ref")).to_have_value("half written")


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
    await page.goto(f"{chat.slack.url}/?as=U0LEE#C0STAGING/{ts}")
    await expect(thread).to_contain_text("my reply")


async def test_the_home_of_the_app_is_made_for_whoever_looks(chat: Chat) -> None:
    page = await chat.open("U0LEE")
    await page.get_by_test_id("home-link").click()
    await expect(page.get_by_test_id("home")).to_contain_text("Welcome home, @Lee Park")
    await page.get_by_test_id("person-U0MAX").click()
    await expect(page.get_by_test_id("home")).to_contain_text("Welcome home, @Max Weber")
