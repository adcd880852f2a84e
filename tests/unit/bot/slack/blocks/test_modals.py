"""Modals: what is asked for comes within Slack's limits, and names the answer."""

from __future__ import annotations

from typing import Any

from bot.slack.blocks import modals
from sandbox.slack.block_kit import check_view

MANY = [(f"ami-{number}", "n" * 90) for number in range(120)]


def modal(*inputs: dict[str, Any]) -> dict[str, Any]:
    return modals.modal("asked", inputs, metadata="12", title="Sure?", submit="Yes", close="No")


def test_a_long_question_and_many_options_stay_within_slacks_limits() -> None:
    view = modal(
        modals.text("word", "w" * 3_000, longest=100),
        modals.one_of("one", "Which one?", MANY, chosen="ami-3"),
        modals.some_of("some", "Which ones?", MANY, chosen=["ami-3", "ami-110"]),
    )
    check_view(view, "modal")
    assert view["private_metadata"] == "12"


def test_only_what_can_be_chosen_is_chosen_at_first() -> None:
    item, some = modals.one_of("one", "?", MANY, chosen="ami-3"), modals.some_of("some", "?", MANY, chosen=["ami-110"])
    assert item["element"]["initial_option"] == item["element"]["options"][3]
    assert "initial_options" not in some["element"]  # Slack takes no option that is not among the first hundred
    assert some["optional"] is True
    assert "optional" not in item


def test_an_input_is_named_as_its_value_in_the_answer() -> None:
    asked = modals.text("reason", "Why?", longest=300, shortest=3, lines=True, hint="Shown to all.")
    assert (asked["block_id"], asked["element"]["action_id"]) == ("reason", "reason")
    assert asked["element"] | {"type": "", "action_id": ""} == {
        "type": "",
        "action_id": "",
        "min_length": 3,
        "max_length": 300,
        "multiline": True,
    }
