"""Whatever is a secret, Slack takes the redacted message, and its buttons do what they did."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from hypothesis import given, strategies as st

import sandbox.slack.block_kit
from bot.redaction import Redactor
from bot.slack.redacted import redacted
from handlers.plan import apply_views, views
from runners.results import ApplyProgress
from sandbox.slack.block_kit import check_message, check_view
from tests.unit.bot.plans import GIVEN, OPEN, VIEW, WITH_IMAGES

STAND_IN = Path(sandbox.slack.block_kit.__file__).parent
EXAMPLE = Path(__file__).parents[4] / "signalbox.example.yaml"
# Every word of Block Kit as Slack's stand-in knows it, and of the configuration.
WORDS = sorted(
    {
        word
        for file in (*STAND_IN.glob("*.py"), EXAMPLE)
        for word in re.findall(r"[a-z_#][\w-]{3,}", file.read_text(encoding="utf-8"))
    }
)
MESSAGES = [
    views.ask(VIEW, OPEN),
    views.ask(WITH_IMAGES, OPEN, ("aws_instance.cron",), typed_confirmation="staging"),
    apply_views.applying(WITH_IMAGES, GIVEN, ApplyProgress(1, 3, ("aws_eip.backend",))),
]
MODAL = {
    "type": "modal",
    "title": {"type": "plain_text", "text": "Approve for staging now"},
    "submit": {"type": "plain_text", "text": "Approve and apply to st"},
    "private_metadata": "context primary",
    "blocks": [
        {
            "type": "input",
            "block_id": "word",
            "label": {"type": "plain_text", "text": "Type staging"},
            "element": {"type": "plain_text_input", "action_id": "word"},
        }
    ],
}


def opaque(value: Any, key: str = "") -> Any:
    """All but the texts that people read."""
    if isinstance(value, dict):
        return {name: opaque(entry, name) for name, entry in value.items()}
    if isinstance(value, list | tuple):
        return [opaque(entry) for entry in value]
    return "" if key in {"text", "url", "alt_text", "image_url"} else value


@given(st.lists(st.sampled_from(WORDS), min_size=1, max_size=20))
def test_every_word_of_block_kit_and_of_the_configuration_may_be_a_secret(secrets: list[str]) -> None:
    redact = Redactor(secrets)
    for message in MESSAGES:
        sent = redacted({"channel": "#staging", "text": message.text, "blocks": message.blocks}, redact)
        assert check_message(sent["blocks"])
        assert opaque(sent["blocks"]) == opaque(message.blocks)
        assert sent["channel"] == "#staging"
    view = redacted({"view": MODAL}, redact)["view"]
    assert check_view(view, "modal")
    assert opaque(view) == opaque(MODAL)


@given(st.integers(5, 9), st.sampled_from([24, 75, 150, 3000]))
def test_a_text_of_the_greatest_length_stays_within_it(length: int, most: int) -> None:
    secret = "hunter2-x"[:length]
    text = (f"{secret} " * most)[:most]
    sent = redacted({"text": {"type": "plain_text", "text": text}}, Redactor([secret]))["text"]["text"]
    assert len(sent) <= most
    assert secret not in sent
