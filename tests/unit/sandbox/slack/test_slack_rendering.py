"""Messages as people read them, and typing as Slack stores it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, strategies as st

from sandbox.slack import Workspace, mrkdwn
from sandbox.slack.rendering import blocks_text

WORKSPACE = Workspace()


@pytest.mark.parametrize(
    ("raw", "read"),
    [
        ("by <@U0ANA> in <#C0OPS>", "by @ana in #ops"),
        ("<@U0GONE|old> <#C0GONE|away> <@U0GONE>", "@old #away @U0GONE"),
        ("<https://example.com/a?b=1&amp;c=2|the run>", "the run"),
        ("<https://example.com/a?b=1&amp;c=2>", "https://example.com/a?b=1&c=2"),
        ("a &lt;b&gt; &amp;amp; c", "a <b> &amp; c"),
        ("<!subteam^S0INFRA> <!here> <!channel|channel>", "@infra @here @channel"),
        ("<!date^1392734382^{date}|18 February>", "18 February"),
        ("1 < 2 > 0", "1 < 2 > 0"),
        ("`<`", "`<`"),
    ],
)
def test_mrkdwn_is_read_as_a_person_sees_it(raw: str, read: str) -> None:
    assert mrkdwn.readable(raw, WORKSPACE) == read


@given(st.text())
def test_escaped_text_is_read_as_it_was_and_notifies_nobody(text: str) -> None:
    escaped = mrkdwn.escape(text)
    assert mrkdwn.readable(escaped, WORKSPACE) == text
    assert mrkdwn.broadcasts(escaped, []) == ()


@given(st.text())
def test_what_is_typed_is_read_as_it_was_typed(text: str) -> None:
    assert mrkdwn.readable(mrkdwn.typed(text, WORKSPACE), WORKSPACE) == text


def test_a_persons_mentions_become_ids() -> None:
    typed = mrkdwn.typed("@ana see #prod, @here and ana@example.com https://example.com/#ops", WORKSPACE)
    assert typed.startswith("<@U0ANA> see <#C0PROD|prod>, <!here> and ana@example.com <https://example.com/")


SECTION_WITH_BROADCAST = {"type": "section", "text": {"type": "mrkdwn", "text": "<!everyone> look"}}


@pytest.mark.parametrize(
    ("text", "blocks", "result"),
    [
        ("<!channel> down", [], ("channel",)),
        ("<!here|here>", [], ("here",)),
        ("&lt;!channel&gt;", [], ()),
        ("@channel", [], ()),
        ("x", [SECTION_WITH_BROADCAST], ("everyone",)),
        ("x", [{"type": "header", "text": {"type": "plain_text", "text": "<!here>"}}], ()),
        ("x", [{"type": "context", "elements": [{"type": "mrkdwn", "text": "<!here>"}]}], ("here",)),
        (
            "x",
            [
                {
                    "type": "rich_text",
                    "elements": [
                        {"type": "rich_text_section", "elements": [{"type": "broadcast", "range": "channel"}]}
                    ],
                }
            ],
            ("channel",),
        ),
        ("x", [{"type": "markdown", "text": "<!channel>"}], ("channel",)),
    ],
)
def test_a_broadcast_is_noticed_wherever_it_hides(
    text: str, blocks: list[dict[str, Any]], result: tuple[str, ...]
) -> None:
    assert mrkdwn.broadcasts(text, blocks) == result


def test_a_broadcast_stays_on_record_after_an_update() -> None:
    workspace = Workspace()
    message = workspace.post(workspace.channel("#ops"), "U0SIGNAL", "<!here> look", bot_id="B0SIGNAL")
    message.replace(ts=workspace.new_ts(), text="never mind", blocks=[], metadata=None)
    assert message.broadcasts == ("here",)
    assert workspace.broadcasts == [message]


def plain(words: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": words}


def test_every_kind_of_block_is_drawn() -> None:
    button = {"type": "button", "action_id": "a", "text": plain("Approve")}
    menu = {"type": "static_select", "action_id": "b", "placeholder": plain("Which?")}
    cells = [[{"type": "raw_text", "text": entry} for entry in row] for row in (("Machine", "AMI"), ("cron", "ami-1"))]
    item = {
        "type": "rich_text_section",
        "elements": [{"type": "text", "text": "one "}, {"type": "user", "user_id": "U0LEE"}],
    }
    blocks: list[dict[str, Any]] = [
        {"type": "header", "text": plain("Plan")},
        {"type": "section", "text": {"type": "mrkdwn", "text": "by <@U0ANA>"}, "accessory": button},
        {"type": "section", "fields": [plain("a"), plain("b")]},
        {"type": "divider"},
        {"type": "table", "rows": cells},
        {"type": "rich_text", "elements": [{"type": "rich_text_list", "style": "ordered", "elements": [item]}]},
        {"type": "context", "elements": [plain("#12"), {"type": "image", "image_url": "https://x", "alt_text": "ok"}]},
        {"type": "image", "image_url": "https://x", "alt_text": "a graph"},
        {"type": "markdown", "text": "**bold**"},
        {"type": "actions", "elements": [button, menu]},
        {"type": "input", "label": plain("Ref"), "element": {"type": "plain_text_input", "action_id": "r"}},
    ]
    assert blocks_text(blocks, WORKSPACE).splitlines() == [
        "Plan",
        "by @ana [Approve]",
        "a",
        "b",
        "--------------------",
        "Machine | AMI",
        "cron    | ami-1",
        "1. one @lee",
        "#12  [image: ok]",
        "[image: a graph]",
        "**bold**",
        "[Approve] [Which? v]",
        "Ref: []",
    ]


async def test_waiting_in_vain_prints_the_channel() -> None:
    workspace = Workspace()
    channel = workspace.channel("#ops")
    parent = workspace.post(channel, "U0ANA", "first")
    workspace.post(channel, "U0LEE", "second", thread_ts=parent.ts)
    with pytest.raises(AssertionError, match="ana: first\n    lee: second"):
        await channel.wait_for(lambda message: message.text == "third", timeout=0.01)


def test_timestamps_are_all_different_and_in_order() -> None:
    workspace = Workspace()
    stamps = [workspace.new_ts() for _ in range(1000)]
    assert sorted(set(stamps), key=float) == stamps
