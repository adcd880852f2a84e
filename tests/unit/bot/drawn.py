"""What every message must be, whatever it was drawn from; and text that tries to break one."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from bot.slack.blocks.kit import Message
from bot.slack.blocks.platform import adapted
from bot.slack.redacted import opened
from sandbox.slack import Workspace
from sandbox.slack.block_kit import check_message
from sandbox.slack.mrkdwn import broadcasts, links, notified
from sandbox.slack.rendering import message_text

if TYPE_CHECKING:
    from collections.abc import Iterator

WORKSPACE = Workspace()
EVIL = "<@U0EVIL>"
INVISIBLE = frozenset("\x00\x1b\r\u200b\u202e\ue000\U000e0041")
NASTY = (
    "<!channel>",
    "<!here|here>",
    EVIL,
    "<https://evil.test|https://github.com>",
    "javascript:alert(1)",
    "`",
    "```",
    "|",
    "&",
    "&amp;",
    "\n",
    "\r\n",
    "\u2028",
    "\t",
    " ",
    "\x00",
    "\x1b[31m",
    "\u202e",
    "\u200b",
    "\ue000",
    "\U000e0041",
    "<!subteam^S0ALL>",
    "<#C0GENERAL>",
    "@here",
    "#general",
    "https://evil.test/bare",
    "שלום",
    "🚀",
    ":tada:",
    "*bold*",
    "_",
    "<",
    ">",
    "x" * 90,
)
# Whom the messages of these tests may notify: requesters, approvers, and the groups of the configuration.
MENTIONED = frozenset(
    {"U0ANA", "U0LEE", "U0MAX", "U0GUS", "U0BEA", "U0DAY", "U0SOLO", "S0LEADS", "S0INFRA", "S0APPROVERS", "W12"}
)
# What we put between angle brackets ourselves; everything else in them is foreign.
_OURS = re.compile(
    r"<@[UW][A-Z0-9]+>|<!subteam\^S[A-Z0-9]+>|<!date\^\d+\^[^<>|]+\|[^<>|]+>|<https?://[^\s<>|]+\|[^<>|]+>"
)

hostile = st.one_of(
    st.text(max_size=60),
    st.lists(st.one_of(st.sampled_from(NASTY), st.text(max_size=8)), max_size=12).map("".join),
    st.sampled_from(["", " ", "\n", "&" * 900, "<" * 900, "`" * 900, "line\n" * 700, "z" * 5_000]),
)
urls = st.one_of(
    st.just("https://github.com/o/r/actions/runs/1?a=1&b=2"),
    st.sampled_from(["javascript:alert(1)", "", "https://a b", "https://a|b>c", "https://x/" + "y" * 4_000]),
    hostile.map("https://x/{}".format),
)


def read(message: Message) -> str:
    """The message as a person reads it, after checking that Slack takes it and that it speaks for itself.

    With the blocks that every workspace has; whatever a workspace has, Slack must take it.
    """
    for available in ((), ("container",), ("data_table",), ("container", "data_table")):
        newer = opened({"blocks": adapted(message, available).blocks})
        check_message(list(newer["blocks"]))
    message = adapted(message, ())
    sent = opened({"text": message.text, "blocks": message.blocks})
    message = Message(sent["text"], tuple(sent["blocks"]))
    blocks = check_message(list(message.blocks))
    assert message.text.strip()
    assert len(message.text.splitlines()) == 1, f"more than one line: {message.text!r}"
    assert len(message.text) <= 3_000
    assert broadcasts(message.text, list(message.blocks)) == ()
    assert notified(message.text, list(message.blocks)) <= MENTIONED
    followed = links(message.text, list(message.blocks))
    assert not [link for link in followed if link.startswith(("#", "https://evil"))], followed
    for text in (message.text, *_mrkdwn(list(message.blocks))):
        assert not INVISIBLE & set(text), f"invisible characters in {text!r}"
        assert EVIL not in text
        rest = _OURS.sub("", text)
        assert "<" not in rest, f"foreign markup in {text!r}"
        assert ">" not in rest, f"foreign markup in {text!r}"
        assert text.count("```") % 2 == 0, f"a code block is left open in {text!r}"
    return message_text(message.text, blocks, [], WORKSPACE)


def _mrkdwn(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for item in value:
            yield from _mrkdwn(item)
    elif isinstance(value, dict):
        if value.get("type") == "mrkdwn":
            yield value["text"]
        else:
            yield from _mrkdwn(list(value.values()))


def buttons(message: Message) -> list[str]:
    """The action ids of the message's buttons."""
    rows = [block["elements"] for block in message.blocks if block["type"] == "actions"]
    return [element["action_id"] for row in rows for element in row]
