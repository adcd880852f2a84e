"""Attack: foreign text that notifies people or links somewhere. Whatever a view forgets, the gate to Slack holds."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import assume, example, given, strategies as st

from bot.access import policy
from bot.config import read
from bot.errors import UserError
from bot.redaction import RedactingFormatter, Redactor
from bot.slack.blocks import kit, markup, modals, replies, tables
from bot.slack.blocks.plain import simpler_forms
from bot.slack.client import Chat
from bot.slack.manifest import read as read_manifest
from bot.slack.redacted import opened, received, redacted
from bot.slack.web_api import make_client
from sandbox.slack import SlackSettings, SlackStandIn
from sandbox.slack.block_kit import check_message, check_view
from sandbox.slack.mrkdwn import links, notified
from tests.unit.handlers.conftest import FILE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

TOKEN = "xoxb-planted-bot-token"
VICTIMS = (
    "<@U0VICTIM>",
    "<@U0VICTIM|harmless>",
    "<!subteam^S0ALL>",
    "<!subteam^S0ALL|@all>",
    "<!channel>",
    "<!here|here>",
    "<!everyone>",
    "<#C0GENERAL>",
    "<https://evil.test|https://github.com>",
    "<mailto:a@evil.test|mail>",
    "<!date^1^{date}^https://evil.test|x>",
    "https://evil.test/bare",
    "evil-domain.com",
    "@here",
    "#general",
    "&lt;@U0VICTIM&gt;",
    "<",
    ">",
    "|",
    "`",
    "\u202e",
    "\u200b",
    "\x00",
    "\n",
)
INNER = ("@U0VICTIM", "!subteam^S0ALL", "!channel", "#C0GENERAL", "https://evil.test|https://github.com")
foreign = st.lists(st.one_of(st.sampled_from(VICTIMS), st.text(max_size=5)), min_size=1, max_size=8).map("".join)
HIDDEN = ("\u200b", "\u200f", "\u202e", "\u2066", "\ufeff", "\u00ad", "\u3164", "\U000e0041", "\ue000", "\x1b", "\x00")
GROUPS = read(FILE)


def delivered(message: kit.Message) -> tuple[str, list[dict[str, Any]]]:
    """The text and the blocks as Slack gets them."""
    content = opened({"text": message.text, "blocks": list(message.blocks)})
    return content["text"], check_message(content["blocks"])


@given(foreign)
@example("<!subteam^S0ALL> <@U0VICTIM>")
def test_a_view_that_escapes_nothing_notifies_nobody_and_links_nowhere(text: str) -> None:
    raw = kit.Message(
        text,
        (
            kit.section(text),
            kit.context(text, f"by {text}"),
            kit.header(text),
            kit.actions("row", kit.button(text, "go", "id", ask=kit.confirm(text, text, text))),
            tables.table([text], [[text], [tables.Link(text, "https://github.com/o/r")]]),
        ),
    )
    text_sent, blocks = delivered(raw)
    assert notified(text_sent, blocks) == frozenset()
    assert links(text_sent, blocks) <= {"https://github.com/o/r"}
    for form in simpler_forms(raw, "go"):
        assert notified(*delivered(form)) == frozenset()


@given(foreign)
def test_only_whom_the_bot_names_is_notified_beside_foreign_text(text: str) -> None:
    words = f"{kit.user('U0ANA')} {kit.escape(text)} {kit.link(text, 'https://github.com/o/r')}"
    text_sent, blocks = delivered(kit.message(words, [kit.section(words)]))
    assert notified(text_sent, blocks) == {"U0ANA"}
    assert links(text_sent, blocks) == {"https://github.com/o/r"}
    text_sent, blocks = delivered(kit.Message(f"{text}{words}{text}", (kit.section(f"{text}{words}{text}"),)))
    assert notified(text_sent, blocks) <= {"U0ANA"}
    assert links(text_sent, blocks) <= {"https://github.com/o/r"}


@given(foreign)
def test_a_refusal_names_whom_to_ask_and_nobody_that_its_arguments_name(text: str) -> None:
    asked = policy.in_words(("U0LEE", "usergroup:S0LEADS"))
    text_sent, blocks = delivered(replies.refusal(f"The workflow's input target takes one of {text}; {asked} may."))
    assert notified(text_sent, blocks) == {"U0LEE", "S0LEADS"}
    assert links(text_sent, blocks) == frozenset()


def test_the_options_of_a_workflow_are_text() -> None:
    options = ["<!subteam^S0ALL>", "<@U0VICTIM>"]
    error = UserError(f"The workflow's input target takes one of {', '.join(options)}, not all.")
    text_sent, blocks = delivered(replies.refusal(str(error)))
    assert notified(text_sent, blocks) == frozenset()
    assert "&lt;!subteam^S0ALL&gt;, &lt;@U0VICTIM&gt;" in text_sent


@given(foreign)
def test_the_title_and_the_fields_of_a_window_are_text(text: str) -> None:
    text = f"x{text}"
    inputs = [modals.text("word", text, longest=9, hint=text), modals.one_of("ref", text, [("a", text)])]
    view = modals.modal("x", [kit.section(text), *inputs], metadata="7", title="Sure?", submit="Yes", close="No")
    sent = opened({"view": view})["view"]
    check_view(sent, "modal")
    assert notified("", sent["blocks"]) == frozenset()
    assert links("", sent["blocks"]) == frozenset()
    assert sent["private_metadata"] == "7"


@given(st.text("ABCDEFGHabcdefgh0123456789-_", min_size=8, max_size=8), foreign)
def test_a_guessed_seal_opens_nothing(guess: str, text: str) -> None:
    assert notified(markup.opened(f"<{guess}@U0VICTIM> {text}"), []) == frozenset()


@given(foreign, st.data())
def test_what_the_bot_displayed_before_notifies_nobody_when_foreign_text_repeats_it(
    text: str, data: st.DataObject
) -> None:
    words = f"{kit.user('U0ANA')} {kit.group('S0LEADS')} {kit.link(text, 'https://github.com/o/r')} {kit.moment(1.0)}"
    displayed, blocks = delivered(kit.message(words, [kit.section(words)]))
    again = data.draw(st.permutations([displayed, blocks[0]["text"]["text"], text, markup.plain(words)]))
    repeated = "".join(again)
    for drawn in (repeated, kit.escape(repeated)):
        sent = delivered(kit.Message(drawn, (kit.section(drawn), kit.context(drawn))))
        assert notified(*sent) == frozenset()
        assert links(*sent) == frozenset()


@given(foreign, st.data())
def test_a_seal_that_foreign_text_has_read_opens_nothing_else(text: str, data: st.DataObject) -> None:
    made = [kit.user("U0ANA"), kit.group("S0LEADS"), kit.link("main", "https://github.com/o/r"), kit.moment(1.0)]
    seals = st.sampled_from(made).map(lambda sealed: sealed[: len(markup.sealed("")) - 1])
    forged = st.tuples(seals, st.sampled_from(INNER), st.just(">")).map("".join)
    cut = st.sampled_from(made).flatmap(lambda sealed: st.integers(0, len(sealed) - 1).map(lambda end: sealed[:end]))
    pieces = st.lists(st.one_of(forged, seals, cut, foreign), max_size=8).map("".join)
    repeated = data.draw(forged) + data.draw(pieces) + text
    assume(not any(sealed in repeated for sealed in made))
    for drawn in (repeated, kit.escape(repeated)):
        sent = delivered(kit.Message(drawn, (kit.section(drawn), kit.context(drawn), kit.header(drawn))))
        assert notified(*sent) == frozenset()
        assert links(*sent) == frozenset()


@given(foreign, st.sampled_from(["planted-secret-value", "\U0001f511-geheim-7731"]))
def test_a_secret_within_a_link_is_redacted_and_the_rest_of_the_link_stays(text: str, secret: str) -> None:
    redactor = Redactor([secret])
    raw = f"{secret} {kit.user('U0ANA')} {kit.link(f'{text}{secret}', 'https://github.com/o/r')} {secret}"
    sent = opened(redacted({"text": raw}, redactor))["text"]
    assert secret not in sent
    assert notified(sent, []) == {"U0ANA"}
    assert links(sent, []) == {"https://github.com/o/r"}


def test_a_stored_message_keeps_its_mentions_with_its_key_and_with_a_new_one_beside_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("bot.slack.blocks.markup._keys", ())  # other tests of this process keep theirs
    markup.use_keys([b"a" * 32])
    stored = kit.user("U0ANA")
    markup.use_keys([b"b" * 32, b"a" * 32])
    assert markup.opened(stored) == "<@U0ANA>"
    markup.use_keys([b"b" * 32])
    assert markup.opened(stored).startswith("&lt;")


@given(foreign)
def test_a_message_that_is_read_and_changed_says_and_notifies_the_same(text: str) -> None:
    words = f"{kit.user('U0ANA')} {kit.escape(text)} {kit.moment(1.0)}"
    text_sent, blocks = delivered(kit.message(words, [kit.section(words)]))
    again = opened(received({"text": text_sent, "blocks": blocks}))
    assert (again["text"], again["blocks"]) == (text_sent, blocks)


@pytest.mark.parametrize("character", HIDDEN)
def test_an_invisible_character_is_named_wherever_it_leaves(character: str) -> None:
    name = f"U+{ord(character):04X}"
    text = f"mai{character}n"
    text_sent, blocks = delivered(
        kit.Message(text, (kit.section(text), kit.header(text), tables.table([text], [[text]])))
    )
    view = opened({"view": modals.modal("x", [], metadata="", title=text, submit="Yes", close="No")})["view"]
    record = logging.LogRecord("bot", logging.INFO, "file.py", 1, "branch %s", (text,), None)
    logged = RedactingFormatter(lambda line: markup.plain(Redactor()(line))).format(record)
    for displayed in (text_sent, view["title"]["text"], logged, *_texts(blocks)):
        assert character not in displayed
        assert name in displayed


def test_emoji_and_letters_of_every_script_stay() -> None:
    text = "⚠️ 👩‍🚀 1️⃣ déploy 日本語 Москва naïve ✅"
    assert kit.escape(text) == text


def test_colours_and_a_progress_bar_of_a_log_stay_readable() -> None:
    assert kit.escape("\x1b[31mred\x1b[0m\r\n10%\r50%\r\n") == "red\n10%\n50%\n"


@pytest.fixture
async def slack() -> AsyncIterator[SlackStandIn]:
    stand_in = SlackStandIn(SlackSettings(TOKEN, "planted-signing-secret", None, None, rate_limits=False))
    stand_in.register_commands(read_manifest())
    await stand_in.start()
    yield stand_in
    await stand_in.stop()


async def test_nothing_leaves_the_client_but_through_the_gate(slack: SlackStandIn) -> None:
    chat = Chat(make_client(TOKEN, f"{slack.url}/api/"), Redactor())
    text = " ".join(VICTIMS)
    raw = kit.Message(text, (kit.section(text),))
    at = await chat.post("C0STAGING", raw)
    await chat.update(at, raw)
    await chat.post("C0STAGING", raw, thread=at.ts)
    await chat.publish_home("U0ANA", replies.home([kit.section(text)]))
    await chat.upload(at, filename="a\u202etxt.exe", title=text, content=f"{text}{kit.user('U0ANA')}")
    messages = slack.workspace.channel("#staging").all_messages
    assert [message.notified for message in messages] == [frozenset()] * len(messages)
    assert [message.links for message in messages if message.blocks] == [frozenset()] * 2
    assert "\u202e" not in str([file.name for message in messages for file in message.files])
    assert not [call for call in slack.calls if {"link_names", "parse"} & set(call.arguments)]
    assert notified("", [chat.reply(raw)["blocks"]]) == frozenset()
    assert markup.sealed("")[1:-1] not in str([call.arguments for call in slack.calls])


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for entry in value:
            yield from _texts(entry)
    elif isinstance(value, dict):
        if isinstance(value.get("text"), str):
            yield value["text"]
        else:
            yield from _texts(list(value.values()))


@pytest.mark.parametrize(
    "tag", ["v1\ufe0f", "release-1\u200d2", "v1.\u200d2", "a/\u200d/b", "#\ufe0fx", "1\ufe0f\u200d2"]
)
def test_a_hidden_character_beside_a_digit_or_a_point_is_named(tag: str) -> None:
    assert "[U+" in markup.opened(tag)


@pytest.mark.parametrize(
    "emoji", ["1\ufe0f\u20e3", "\u2764\ufe0f", "\U0001f469\u200d\U0001f4bb", "\u2194\ufe0f", "\u203c\ufe0f"]
)
def test_an_emoji_stays_as_it_is(emoji: str) -> None:
    assert markup.opened(f"done {emoji}") == f"done {emoji}"
