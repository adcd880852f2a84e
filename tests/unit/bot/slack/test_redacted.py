"""Redaction changes texts that people read, and nothing else of what is sent to Slack."""

from __future__ import annotations

from typing import Any

from hypothesis import given, strategies as st

from bot.redaction import HIDDEN, Redactor
from bot.slack.redacted import NO_ADDRESS, redacted

MESSAGE: dict[str, Any] = {
    "channel": "C0STAGING",
    "ts": "1700000000.000100",
    "text": "context primary button mrkdwn",
    "metadata": {"event_type": "signalbox_operation", "event_payload": {"mark": "7:primary"}},
    "blocks": [
        {"type": "context", "block_id": "context", "elements": [{"type": "mrkdwn", "text": "primary"}]},
        {
            "type": "actions",
            "elements": [
                {
                    "type": "button",
                    "style": "primary",
                    "action_id": "approve",
                    "value": "primary",
                    "url": "https://example.com/primary",
                    "text": {"type": "plain_text", "text": "a button of text"},
                }
            ],
        },
        {"type": "table", "rows": [[{"type": "raw_text", "text": "primary"}]]},
    ],
}


def strings(value: Any) -> list[str]:
    """Every string within, keys too."""
    if isinstance(value, dict):
        return [text for key, entry in value.items() for text in (key, *strings(entry))]
    return [text for entry in value for text in strings(entry)] if isinstance(value, list) else [value]


def shape(value: Any, key: str = "") -> Any:
    """The same without the texts and addresses."""
    if isinstance(value, dict):
        return {name: shape(entry, name) for name, entry in value.items()}
    if isinstance(value, list):
        return [shape(entry) for entry in value]
    return "" if key in {"text", "url"} else value


@given(st.lists(st.sampled_from(strings(MESSAGE)), min_size=1, max_size=5))
def test_no_secret_changes_anything_but_texts(secrets: list[str]) -> None:
    assert shape(redacted(MESSAGE, Redactor(secrets))) == shape(MESSAGE)


def test_texts_are_redacted_at_every_depth() -> None:
    sent = redacted(MESSAGE, Redactor(["primary"]))
    assert sent["text"] == f"context {HIDDEN} button mrkdwn"
    assert sent["blocks"][0]["elements"][0]["text"] == HIDDEN
    assert sent["blocks"][2]["rows"][0][0]["text"] == HIDDEN


def test_an_address_with_a_secret_is_replaced_as_a_whole() -> None:
    assert redacted(MESSAGE, Redactor(["primary"]))["blocks"][1]["elements"][0]["url"] == NO_ADDRESS
    assert redacted(MESSAGE, Redactor(["another"])) == MESSAGE
