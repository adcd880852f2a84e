"""The main job as people do it: in a browser, with the real bot and real Terraform behind the page."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio
from playwright.async_api import expect

from tests.real.main_job_support import JOBS_TAKE, PLAN_TAKES, act_as, message, picture, press, types, whole_sandbox

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.real.main_job_support import Chat

pytestmark = [
    pytest.mark.needs_chromium,
    pytest.mark.needs_terraform,
    pytest.mark.asyncio(loop_scope="module"),
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def chat() -> AsyncIterator[Chat]:
    """One sandbox for all: each test works in an environment of its own."""
    async with whole_sandbox() as started:
        yield started


async def test_a_plan_is_asked_for_approved_by_the_lead_and_applied(chat: Chat) -> None:
    machines_are_up = chat.machines_wait()
    page = await chat.open("U0ANA", "C0STAGING")
    composer = page.get_by_test_id("composer")
    await composer.press_sequentially("/pl")
    await expect(page.get_by_test_id("composer-completions").get_by_role("option")).to_have_count(1)
    await page.keyboard.press("Tab")
    await expect(composer).to_have_value("/plan ")
    await composer.press_sequentially("staging")
    await page.keyboard.press("Enter")

    plan = message(page, "Plan for staging")
    await expect(plan).to_contain_text(
        "3 to replace, 1 to change, 0 to destroy, 1 output to change. Waiting for approval", timeout=PLAN_TAKES
    )
    await expect(plan.locator("table").get_by_role("row")).to_have_count(4)
    await expect(plan.locator("table")).to_contain_text("Planned image")
    await expect(plan.get_by_test_id("open-thread")).to_be_visible()
    await picture(page, "plan-waiting")

    await act_as(page, "U0LEE")
    await plan.get_by_role("button", name="Approve and apply to staging").click()
    await expect(page.get_by_test_id("confirm")).to_contain_text("exactly this plan to staging: 3 to replace")
    await picture(page, "plan-confirm")
    await page.get_by_test_id("confirm-ok").click()
    await expect(plan).to_contain_text(re.compile("applying, [01] of 4 done, now module.machine"), timeout=PLAN_TAKES)
    await expect(plan.get_by_role("button", name="Approve")).to_have_count(0)
    await picture(page, "plan-applying")

    machines_are_up.touch()
    await expect(plan).to_contain_text("applied, 3 replaced, 1 changed, 0 destroyed", timeout=PLAN_TAKES)
    await expect(plan).to_contain_text("approved by @Lee Park")
    await expect(plan.locator("thead")).to_contain_text("Previous image")
    await expect(plan).to_contain_text("requested by @Ana Duarte")
    await expect(plan.get_by_role("button", name="Approve")).to_have_count(0)
    await expect(plan.get_by_role("button", name="Reject")).to_have_count(0)
    await picture(page, "plan-applied")

    await plan.get_by_test_id("open-thread").click()
    thread = page.get_by_test_id("thread")
    await expect(thread).to_contain_text("input.generation: 3 → 4")
    await expect(thread.get_by_test_id("file")).to_contain_text("Terraform used the selected providers")
    await picture(page, "plan-thread")


async def test_a_deploy_shows_its_jobs_and_how_each_ended(chat: Chat) -> None:
    page = await chat.open("U0ANA", "C0DEV")
    await types(page, "/deploy dev")
    deploy = message(page, "Deploy main to dev")
    jobs = deploy.locator("table")
    await expect(jobs.get_by_role("row")).to_have_count(5, timeout=PLAN_TAKES)
    await picture(page, "deploy-running")
    await expect(deploy).to_contain_text(re.compile("deployed [0-9a-f]{7} in"), timeout=JOBS_TAKE)
    await expect(jobs.get_by_role("row").filter(has_text="done")).to_have_count(4)
    await picture(page, "deploy-done")
    await page.get_by_test_id("home-link").click()
    await expect(page.get_by_test_id("home")).to_contain_text("Deploy main to dev")
    await picture(page, "home")


async def test_a_deploy_is_asked_for_in_a_modal_by_keyboard_alone(chat: Chat) -> None:
    page = await chat.open("U0LEE", "C0RANDOM")
    await page.get_by_test_id("composer").focus()
    await page.keyboard.type("/deploy")
    await page.keyboard.press("Enter")
    modal = page.get_by_test_id("modal")
    await expect(modal.get_by_label("Environment")).to_be_focused()
    await page.keyboard.type("dev")
    await page.keyboard.press("Tab")
    await expect(modal.get_by_label("Branch, tag or commit")).to_be_focused()
    await page.keyboard.type("no-such-branch")
    await picture(page, "modal")
    await page.keyboard.press("Enter")
    await expect(modal).to_have_count(0)
    await page.goto(f"{chat.world.slack.url}/?as=U0LEE#C0DEV")
    refused = message(page, "no-such-branch")
    await expect(refused).to_contain_text("Nothing was started.", timeout=PLAN_TAKES)
    await picture(page, "deploy-refused")


async def test_a_guest_who_presses_approve_is_refused_where_only_he_sees_it(chat: Chat) -> None:
    page = await chat.open("U0ANA", "C0PROD")
    await types(page, "/plan prod")
    plan = message(page, "Plan for prod")
    await expect(plan).to_contain_text("Waiting for approval", timeout=PLAN_TAKES)
    await act_as(page, "U0GUS")
    await press(page, plan, "Approve and apply to prod")
    refusal = message(page, "You may not approve for prod; anyone of @leads may.")
    await expect(refusal).to_contain_text("Only visible to you")
    await picture(page, "guest-refused")
    await expect(plan).to_contain_text("Waiting for approval")
    await act_as(page, "U0ANA")
    await expect(plan).to_be_visible()
    await expect(refusal).to_have_count(0)
