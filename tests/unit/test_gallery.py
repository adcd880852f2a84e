"""Every message has a sample in the gallery, which Slack takes and which is short enough."""

from __future__ import annotations

import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bot.slack.blocks.kit import Message
from sandbox.slack import SlackSettings, SlackStandIn
from tests.gallery.budget import WORDS, words_of
from tests.gallery.samples import Sample, samples, value, views
from tests.gallery.validation import refused_by_slack
from tests.unit.bot.drawn import read

SAMPLES = samples()


def test_every_view_is_in_the_gallery() -> None:
    drawn = {sample.name.partition(" ")[0] for sample in SAMPLES}
    assert set(views()) - drawn == set()
    assert len({sample.name for sample in SAMPLES}) == len(SAMPLES)


def test_a_view_of_what_the_gallery_does_not_know_names_what_is_missing() -> None:
    with pytest.raises(TypeError, match=r"no value for pattern: .*Pattern.*tests/gallery/values.py"):
        value(type("Pattern", (), {}), "pattern")


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.name)
def test_slack_takes_it_and_it_is_read_in_a_minute(sample: Sample) -> None:
    assert read(sample.message).strip()
    assert words_of(sample) <= WORDS


@pytest.mark.parametrize("sample", [each for each in SAMPLES if each.asks], ids=lambda sample: sample.name)
def test_the_safe_choice_is_never_red(sample: Sample) -> None:
    rows = [block["elements"] for block in sample.message.blocks if block["type"] == "actions"]
    safe = [element for row in rows for element in row if element["text"]["text"] in ("Reject", "Revoke my approval")]
    assert safe
    assert all("style" not in element and "style" not in element.get("confirm", {}) for element in safe)


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.name)
def test_a_dialog_asks_in_one_sentence(sample: Sample) -> None:
    elements = [
        each for block in sample.message.blocks for each in (*block.get("elements", ()), block.get("accessory", {}))
    ]
    asked = [each["confirm"]["text"]["text"] for each in elements if "confirm" in each]
    assert [text for text in asked if len([part for part in text.split(". ") if part]) > 1] == []


async def test_slacks_validator_names_what_it_refuses() -> None:
    slack = SlackStandIn(SlackSettings("xoxb-planted", "secret", None, "http://127.0.0.1:9/", rate_limits=False))
    await slack.start()
    client = AsyncWebClient(token="xoxb-planted", base_url=f"{slack.url}/api/")
    wrong = Sample("wrong", Message("Wrong", ({"type": "section"},)))
    faults = await refused_by_slack([*SAMPLES[:3], wrong], client)
    await slack.stop()
    (fault,) = faults
    assert fault.startswith("wrong is refused by Slack:")
    assert "must define either `text` or `fields`" in fault
    assert '"pointer": "/blocks/0"' in fault
