"""Slack's payloads become values; what lacks something is refused, and a redelivery has the same key."""

from __future__ import annotations

import html
from typing import Any

import pytest
from hypothesis import given, strategies as st

from bot.errors import UserError
from bot.inbound import payloads
from bot.operations.registry import Command, Invocation, Registry
from bot.operations.thread_replies import ThreadReply

COMMAND = {
    "user_id": "U0ANA", "channel_id": "C0OPS", "command": "/deploy", "text": "staging",
    "trigger_id": "1.2.abc", "response_url": "https://hooks.slack.com/commands/1", "token": "ignored",
}  # fmt: skip
CLICK = {
    "user": {"id": "U0LEE"},
    "container": {"channel_id": "C0OPS", "message_ts": "1.5"},
    "actions": [{"action_id": "approve", "value": "opaque"}],
    "trigger_id": "9.9",
    "response_url": "https://hooks.slack.com/actions/1",
}
VIEW: dict[str, Any] = {
    "user": {"id": "U0ANA"},
    "view": {
        "id": "V1",
        "callback_id": "deploy",
        "private_metadata": "C0OPS",
        "state": {
            "values": {
                "environment": {"environment": {"type": "static_select", "selected_option": {"value": "staging"}}},
                "ref": {"ref": {"type": "plain_text_input", "value": None}},
            }
        },
    },
}


def read(body: dict[str, Any]) -> Invocation:
    return payloads.invocation(body, Registry())


def test_a_command() -> None:
    made = read(COMMAND)
    assert (made.user, made.channel, made.text, made.trigger_id) == ("U0ANA", "C0OPS", "staging", "1.2.abc")
    assert read({**COMMAND, "text": None}).text == ""


@given(st.text(st.sampled_from('&<>;#ltgamp"[]= !channel@US1'), max_size=30))
def test_a_command_is_read_as_it_was_typed(typed: str) -> None:
    sent = html.escape(typed, quote=False)  # by the standard library, the same three characters as Slack
    assert read({**COMMAND, "text": sent}).text == typed


def test_text_that_looks_escaped_is_unescaped_once() -> None:
    assert read({**COMMAND, "text": "&amp;lt;b&amp;gt;"}).text == "&lt;b&gt;"


def test_a_redelivery_has_the_same_key_and_nothing_else_has() -> None:
    key = read(COMMAND).key
    assert read(dict(COMMAND)).key == key
    others = [read({**COMMAND, name: "other"}).key for name in ("trigger_id", "user_id", "text", "command")]
    assert len({key, *others}) == 5
    assert len(key) == 40


@given(st.text(), st.text())
def test_keys_do_not_run_into_each_other(text: str, user: str) -> None:
    item = read({**COMMAND, "text": text, "user_id": "U" + user})
    other = read({**COMMAND, "text": text + "x", "user_id": "U" + user})
    assert item.key != other.key


@pytest.mark.parametrize("missing", ["user_id", "channel_id", "trigger_id", "command"])
@pytest.mark.parametrize("value", [None, "", 5, ["U0ANA"]])
def test_a_command_that_lacks_something_is_refused(missing: str, value: Any) -> None:
    with pytest.raises(UserError, match=missing):
        read({**COMMAND, missing: value})


def test_a_click() -> None:
    made = payloads.click(CLICK, Registry())
    assert (made.user, made.channel, made.message_ts) == ("U0LEE", "C0OPS", "1.5")
    assert (made.action_id, made.value, made.trigger_id) == ("approve", "opaque", "9.9")


def test_a_click_without_a_message_has_none() -> None:
    made = payloads.click({**CLICK, "container": None, "actions": [{"action_id": "approve"}]}, Registry())
    assert (made.channel, made.message_ts, made.value) == ("", "", "")
    with pytest.raises(UserError, match="id"):
        payloads.click({**CLICK, "user": {}}, Registry())


def test_a_modal_sent_off() -> None:
    made = payloads.submission(VIEW, Registry())
    assert made.values == {"environment": "staging", "ref": ""}
    assert (made.user, made.callback_id, made.private_metadata) == ("U0ANA", "deploy", "C0OPS")
    assert made.key == payloads.submission(VIEW, Registry()).key
    assert made.key != payloads.submission({**VIEW, "view": {**VIEW["view"], "id": "V2"}}, Registry()).key


@pytest.mark.parametrize("state", [{}, None, {"values": {}}, {"values": None}])
def test_a_modal_without_inputs_has_no_values(state: Any) -> None:
    body = {**VIEW, "view": {**VIEW["view"], "state": state}}
    assert payloads.submission(body, Registry()).values == {}


REPLY = {"type": "message", "user": "U0ANA", "channel": "C1", "ts": "2.0", "thread_ts": "1.0", "text": "a &lt;b&gt;"}


@pytest.mark.parametrize(
    "change",
    [
        {"thread_ts": None},  # no reply
        {"thread_ts": "2.0"},  # the message itself, once it has replies
        {"subtype": "message_changed"},
        {"subtype": "message_deleted"},
        {"subtype": "bot_message"},
        {"subtype": "message_replied"},
        {"subtype": "channel_join"},
        {"bot_id": "B0OTHER"},
        {"user": None},
        {"channel": {"id": "C1"}},
        {"text": None},
        {"text": ""},
    ],
)
def test_what_people_write_in_threads_is_read_and_nothing_else(change: dict[str, Any]) -> None:
    assert payloads.thread_reply(REPLY) == ThreadReply("U0ANA", "C1", "1.0", "2.0", "a <b>")
    for subtype in ("thread_broadcast", "file_share"):
        assert payloads.thread_reply({**REPLY, "subtype": subtype})
    assert payloads.thread_reply({**REPLY, **change}) is None


BOT = "U0SIGNAL"
WRITTEN = {"type": "app_mention", "user": "U0ANA", "channel": "C0OPS", "text": f"<@{BOT}> status staging", "ts": "5.1"}


def written(**changed: Any) -> payloads.Written | None:
    return payloads.written({"event": {**WRITTEN, **changed}}, BOT)


async def _nothing(*_: Any) -> None:
    """A command that does nothing."""


COMMANDS = {name: Command(name, name, "", "", _nothing) for name in ("/deploy", "/infra")}


@pytest.mark.parametrize(
    ("text", "command", "rest"),
    [
        ("status staging", "/infra", "status staging"),
        ("deploy staging main", "/deploy", "staging main"),
        ("/deploy staging", "/deploy", "staging"),
        ("Deploy", "/deploy", ""),
        ("infra queue", "/infra", "queue"),
        ("", "/infra", ""),
        ("deploy dev <http://fix.dev|fix.dev> a=&lt;b&gt;", "/deploy", "dev fix.dev a=<b>"),
        ("show <https://acme.slack.com/p1>", "/infra", "show https://acme.slack.com/p1"),
    ],
)
def test_what_is_written_is_read_as_the_command_of_the_same_words(text: str, command: str, rest: str) -> None:
    for made in (
        written(text=f"<@{BOT}> {text}"),
        written(type="message", channel_type="im", text=text or f"<@{BOT}>"),
    ):
        assert made is not None
        chosen, words = made.command_among(COMMANDS)
        assert (chosen.name, words) == (command, rest)


@pytest.mark.parametrize(
    "changed",
    [
        {"bot_id": "B1"},
        {"subtype": "message_changed"},
        {"user": BOT},
        {"user": None},
        {"text": f"thanks, <@{BOT}> deploy staging"},
        {"text": "<@U0LEE> deploy staging"},
        {"type": "message", "channel_type": "channel", "text": "deploy staging"},
    ],
)
def test_what_a_person_does_not_write_to_signalbox_is_no_command(changed: dict[str, Any]) -> None:
    assert written(**changed) is None


def test_the_same_message_has_the_same_key_and_its_answer_goes_to_its_thread() -> None:
    first, again, reply = written(), written(type="message", channel_type="im"), written(thread_ts="4.0", ts="6.0")
    assert first
    assert again
    assert reply
    keys = [each.invocation("", each.thread(public=False), Registry()).key for each in (first, again, reply)]
    assert (keys[0] == keys[1], keys[0] == keys[2]) == (True, False)
    assert (first.thread(public=False).ts, reply.thread(public=False).ts) == ("5.1", "4.0")
    assert [each.thread(public=False).public for each in (first, again)] == [False, True]


@given(st.text(max_size=60))
def test_whatever_is_written_is_some_command(text: str) -> None:
    made = written(text=f"<@{BOT}> {text}")
    assert made
    assert made.command_among(COMMANDS)[0] in COMMANDS.values()
