"""A modal opens within the trigger's three seconds, however long its look-ups take, and says what they end in."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from bot.errors import UserError
from bot.redaction import Redactor
from bot.slack import modal
from bot.slack.blocks import kit, modals, replies
from bot.slack.client import Chat
from bot.slack.manifest import read as read_manifest
from bot.slack.modal import open_modal, open_modal_early
from bot.slack.web_api import make_client
from sandbox.slack import ApiError, SlackSettings, SlackStandIn

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bot.slack.blocks.kit import Block
    from sandbox.slack import ApiCall, Person, View

TOKEN = "xoxb-planted-bot-token"
FORM = modals.modal(
    "form", [kit.section("read this first"), modals.text("word", "Type prod", longest=9)],
    metadata="7", title="Sure?", submit="Approve", close="Not now",
)  # fmt: skip


@pytest.fixture
async def slack(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[SlackStandIn]:
    monkeypatch.setattr(modal, "DELAYS", (0.0,) * 4)
    stand_in = SlackStandIn(SlackSettings(TOKEN, "planted-signing-secret", None, None, rate_limits=False))
    stand_in.register_commands(read_manifest())
    await stand_in.start()
    yield stand_in
    await stand_in.stop()


@pytest.fixture
def chat(slack: SlackStandIn) -> Chat:
    return Chat(make_client(TOKEN, f"{slack.url}/api/"), Redactor())


@pytest.fixture
def ana(slack: SlackStandIn) -> Person:
    return slack.person("ana")


def trigger(slack: SlackStandIn, person: Person) -> str:
    return slack.backend.triggers.give(person.id)


def opened(person: Person) -> View:
    view = person.view
    assert view is not None
    return view


def refusing(slack: SlackStandIn, code: str, times: int) -> None:
    """Slack refuses so many changes of a view."""
    remaining = times

    async def refuse(call: ApiCall) -> None:
        nonlocal remaining
        if call.method == "views.update" and call.phase == "before" and remaining:
            remaining -= 1
            raise ApiError(code)

    slack.on_call.append(refuse)


async def test_it_opens_at_once_with_nothing_to_submit_and_is_filled_in_later(
    slack: SlackStandIn, chat: Chat, ana: Person
) -> None:
    ready = asyncio.Event()

    async def content() -> Block:
        await ready.wait()
        return FORM

    filling = asyncio.create_task(open_modal(chat, trigger(slack, ana), "Sure?", content))
    await ana.wait_for_view(predicate=lambda view: "One moment" in view.rendered)
    assert (opened(ana).title, opened(ana).callback_id) == ("Sure?", "")
    assert not {"submit"} & set(opened(ana).body)
    assert all(block["type"] != "input" for block in opened(ana).blocks)
    ready.set()
    await filling
    assert (opened(ana).callback_id, opened(ana).private_metadata) == ("form", "7")
    assert not slack.refused


async def test_a_command_is_answered_before_the_modal_is_filled_in(
    slack: SlackStandIn, chat: Chat, ana: Person
) -> None:
    ready = asyncio.Event()

    async def content() -> Block:
        await ready.wait()
        return FORM

    await open_modal_early(chat, trigger(slack, ana), "Sure?", content)
    assert "One moment" in opened(ana).rendered
    ready.set()
    await ana.wait_for_view()


@pytest.mark.parametrize("ended", ["closed", "replaced"])
async def test_one_that_is_closed_meanwhile_is_no_error(
    slack: SlackStandIn, chat: Chat, ana: Person, caplog: pytest.LogCaptureFixture, ended: str
) -> None:
    async def content() -> Block:
        if ended == "closed":
            await ana.close(opened(ana))
        else:
            slack.workspace.views.open(ana.id, {"type": "modal", "title": {"text": "Another"}, "blocks": []})
        return FORM

    await open_modal(chat, trigger(slack, ana), "Sure?", content)
    assert ana.view is None if ended == "closed" else opened(ana).title == "Another"
    assert not [record for record in caplog.records if record.levelname in {"WARNING", "ERROR"}]
    slack.refused.clear()


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (
            UserError(f"You may not approve for <prod>; {kit.user('U0LEE')} may."),
            "You may not approve for <prod>; @lee may.",
        ),
        (ZeroDivisionError("hunter2"), "went wrong on my side"),
    ],
)
async def test_what_the_look_ups_end_in_is_said_in_it(
    slack: SlackStandIn, chat: Chat, ana: Person, error: Exception, words: str
) -> None:
    async def content() -> Block:
        raise error

    await open_modal(chat, trigger(slack, ana), "Sure?", content)
    assert words in opened(ana).rendered
    assert "hunter2" not in opened(ana).rendered
    assert "submit" not in opened(ana).body
    assert not slack.refused


async def test_a_message_in_its_place_has_no_buttons_there(slack: SlackStandIn, chat: Chat, ana: Person) -> None:
    async def content() -> kit.Message:
        message = replies.done("the branch has moved on")
        return kit.Message(message.text, (*message.blocks, kit.actions("a", kit.button("Approve", "approve", "1"))))

    await open_modal(chat, trigger(slack, ana), "Sure?", content)
    assert "the branch has moved on" in opened(ana).rendered
    assert opened(ana).buttons == []


async def test_a_trigger_that_is_too_old_is_an_answer_to_the_person(slack: SlackStandIn, chat: Chat) -> None:
    async def content() -> Block:
        raise AssertionError("nothing is looked up for a window that is not there")

    with pytest.raises(UserError, match=r"did not open the window .*Please try again"):
        await open_modal(chat, "1.2.3", "Sure?", content)
    slack.refused.clear()


@pytest.mark.parametrize(("code", "times"), [("internal_error", 2), ("ratelimited", 3)])
async def test_what_passes_is_tried_again(slack: SlackStandIn, chat: Chat, ana: Person, code: str, times: int) -> None:
    refusing(slack, code, times)
    await open_modal(chat, trigger(slack, ana), "Sure?", _form)
    assert opened(ana).callback_id == "form"


@pytest.mark.parametrize("code", ["invalid_arguments", "view_too_large", "a_code_of_tomorrow"])
async def test_a_view_that_is_refused_is_simpler_with_the_same_inputs_and_then_says_so(
    slack: SlackStandIn, chat: Chat, ana: Person, code: str
) -> None:
    refusing(slack, code, 1)
    await open_modal(chat, trigger(slack, ana), "Sure?", _form)
    assert "read this first" in opened(ana).rendered
    assert (opened(ana).callback_id, opened(ana).private_metadata) == ("form", "7")
    refusing(slack, code, 2)
    await open_modal(chat, trigger(slack, ana), "Sure?", _form)
    assert "Slack refuses this window; nothing was done" in opened(ana).rendered
    assert "submit" not in opened(ana).body


async def _form() -> Any:
    return FORM


async def test_a_home_tab_that_is_refused_is_text(slack: SlackStandIn, chat: Chat) -> None:
    broken = {"type": "home", "blocks": [kit.section("how things stand"), {"type": "section"}]}
    await chat.publish_home("U0ANA", broken)
    view = slack.workspace.views.home("U0ANA")
    assert view
    assert "how things stand" in view.rendered
