"""What Slack refuses is said in plain text: all of it with its buttons, or without the button that would decide on less."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import example, given, strategies as st

from bot.slack.blocks import common, kit, modals, tables
from bot.slack.blocks.common import APPROVE
from bot.slack.blocks.markup import opened
from bot.slack.blocks.plain import simpler_forms, simpler_view, texts_of
from sandbox.slack.block_kit import check_message, check_view
from tests.unit.bot.drawn import hostile

DECISION = kit.actions(
    "decision",
    kit.button("Approve and apply", APPROVE, "opaque", style="primary", ask=kit.confirm("Sure?", "3 destroyed", "Yes")),
    kit.button("Reject", common.REJECT, "opaque", style="danger"),
)
paragraphs = st.one_of(
    hostile.map(lambda text: kit.section(kit.escape(text))),
    hostile.map(kit.header),
    hostile.map(lambda text: kit.context(kit.escape(text))),
    st.lists(hostile, min_size=1, max_size=4).map(
        lambda cells: tables.table([f"c{i}" for i in range(len(cells))], [cells])
    ),
)
words = st.from_regex(r"w[a-z]{3,9}", fullmatch=True)


def buttons_of(message: kit.Message) -> dict[str, dict[str, Any]]:
    rows = [block["elements"] for block in message.blocks if block["type"] == "actions"]
    return {button["action_id"]: button for row in rows for button in row}


def text_of(message: kit.Message) -> str:
    return "\n".join([message.text, *(block["text"]["text"] for block in message.blocks if block["type"] == "section")])


@given(st.lists(paragraphs, max_size=12))
def test_every_simpler_form_is_one_that_slack_takes(blocks: list[dict[str, Any]]) -> None:
    message = kit.message("a plan", [block for block in blocks if block != {"type": "table"}], foot=[DECISION])
    with_buttons, bare = simpler_forms(message, APPROVE)
    check_message([*with_buttons.blocks])
    assert bare.blocks == ()
    assert len(bare.text.encode()) <= 4_000
    assert bare.text.strip()


@given(st.lists(words, min_size=1, max_size=30, unique=True))
def test_nothing_is_lost_and_the_buttons_work_as_before(facts: list[str]) -> None:
    blocks = [kit.section(fact) if index % 2 else tables.table(["fact"], [[fact]]) for index, fact in enumerate(facts)]
    with_buttons, bare = simpler_forms(kit.Message("a plan", (*blocks, DECISION)), APPROVE)
    for fact in (*facts, "3 destroyed"):
        assert re.search(rf"\b{fact}\b", text_of(with_buttons))
        assert re.search(rf"\b{fact}\b", bare.text)
    approve = buttons_of(with_buttons)[APPROVE]
    assert (approve["value"], approve["text"]["text"]) == ("opaque", "Approve and apply")
    assert "confirm" in approve
    assert "confirm" not in buttons_of(with_buttons)[common.REJECT]


@given(st.integers(4, 40), st.integers(200, 2_900))
@example(39, 214)  # the facts fit exactly, and what the button asks does not
def test_nothing_is_approved_on_less_than_the_message_said(count: int, size: int) -> None:
    facts = [f"{index} destroyed {'x' * size}" for index in range(count)]
    with_buttons, bare = simpler_forms(kit.Message("a plan", (*map(kit.section, facts), DECISION)), APPROVE)
    complete = all(text in text_of(with_buttons) for text in (*facts, *texts_of(DECISION)))
    assert (APPROVE in buttons_of(with_buttons)) is complete
    assert common.REJECT in buttons_of(with_buttons)
    assert complete or "Nothing can be approved here" in str(with_buttons.blocks)
    assert "Slack refused the buttons" in bare.text


def test_a_button_beside_a_text_stays() -> None:
    beside = {**kit.section("one host"), "accessory": kit.button("Restart", "restart", "7:one")}
    with_buttons, _ = simpler_forms(kit.Message("daemons", (beside,)), APPROVE)
    assert buttons_of(with_buttons)["restart"]["value"] == "7:one"


def test_links_mentions_and_tables_are_still_read() -> None:
    row = tables.table(["image"], [[tables.Link("ami-1 <new>", "https://aws.test/ami-1", after="3 days old")]])
    with_buttons, _ = simpler_forms(kit.Message("x", (kit.section(f"by {kit.user('U0ANA')}"), row)), APPROVE)
    assert "by <@U0ANA>" in opened(text_of(with_buttons))
    assert "<https://aws.test/ami-1|ami-1 &lt;new&gt;> 3 days old" in opened(text_of(with_buttons))


@pytest.mark.parametrize("title", ["Plain", "<b>"])
def test_a_window_keeps_its_inputs(title: str) -> None:
    view = modals.modal(
        "x", [kit.header(title), kit.section("read this"), modals.text("word", "Type prod", longest=9)],
        metadata="7", title="Sure?", submit="Approve", close="Not now",
    )  # fmt: skip
    simpler = simpler_view(view)
    check_view(simpler, "modal")
    assert [block["type"] for block in simpler["blocks"]] == ["section", "input"]
    assert (simpler["callback_id"], simpler["private_metadata"]) == ("x", "7")
    assert "read this" in simpler["blocks"][0]["text"]["text"]
