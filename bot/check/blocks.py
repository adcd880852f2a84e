"""Checks whether Slack takes the blocks that messages and windows are made of, by its own validator."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from bot.slack.blocks import kit, platform, replies, tables
from bot.slack.redacted import opened
from bot.slack.web_api import ChatError

if TYPE_CHECKING:
    from collections.abc import Collection

    from bot.check.result import Findings
    from bot.check.slack import SlackCalls
    from bot.slack.blocks.kit import Message

_CHOSEN = "Remove it from slack.blocks in signalbox.yaml: messages then use the older blocks."
_REPORT = "Messages with it appear in a plain form. Report this with Slack's reason."


async def check_blocks(available: Collection[str], slack: SlackCalls, findings: Findings) -> None:
    """Let Slack validate a sample of each; `available` are the newer blocks that the configuration has chosen."""
    for name, arguments in _samples(available).items():
        try:
            await slack.query("blocks.validate", **arguments)
        except ChatError as error:
            if not error.code.startswith(("invalid_blocks", "invalid_view", "invalid_message")):
                findings.add_fact(f"blocks not validated: {error.code.partition(' ')[0]}")
                return
            findings.add_problem(f"Slack does not take {name}: {error}", _CHOSEN if name in available else _REPORT)


def _samples(available: Collection[str]) -> dict[str, dict[str, str]]:
    row: list[tables.Cell] = ["backend", tables.Link("ami-0123456789abcdef0", "https://example.com/image", after="9 d")]
    message = kit.message("Images", [kit.section("*Images*"), tables.table(["Machine", "Image"], [row])])
    folded = kit.message("Images", platform.folded("Every attribute", message.blocks))
    samples = {"table": _blocks(message, ())} | {name: _blocks(message, (name,)) for name in available}
    if platform.CONTAINER in available:
        samples[platform.CONTAINER] = _blocks(folded, available)
    view = replies.typed_approval("prod", "metadata", "#1 Plan for prod", "Read the warnings first.")
    return {**samples, "alert": {"view": json.dumps(opened(view))}}


def _blocks(message: Message, available: Collection[str]) -> dict[str, str]:
    sent: dict[str, Any] = opened({"blocks": platform.adapted(message, available).blocks})
    return {"blocks": json.dumps(sent["blocks"])}
