"""The page of all images and a clean-up's message: in every state, whatever the names, within Slack's limits."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, strategies as st

from bot.slack.blocks import kit
from bot.slack.blocks.common import ApprovalView, Head
from handlers.images import clean_up_views
from handlers.images.clean_up_views import CleanUpView
from runners.results import (
    Candidate,
    Outcome,
    Removal,
    RemovalResult,
    Snapshot,
    Step,
    Unreadable,
    What,
)
from sandbox.slack.block_kit import check_view
from tests.unit.bot.drawn import buttons, hostile, read

AT = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
NOW = AT.timestamp()
HEAD = Head(7, "Clean up old images", "old images", "U0ANA")
OPEN = ApprovalView("a1", 1, "pending", (), NOW + 3_600, kit.group("S0LEADS"))
DONE = replace(OPEN, outcome="approved", votes=(("U0LEE", "approved", NOW),))


def candidate(image_id: str = "ami-1", what: What = What.IMAGE, **changes: Any) -> Candidate:
    removal = Removal("us-west-2", image_id, "staging-1", "staging", (Snapshot(f"snap-{image_id}", 15),))
    return replace(Candidate(what, removal, "backend staging", NOW - 86_400 * 40), **changes)


def view(*candidates: Candidate, more: int = 0) -> CleanUpView:
    return CleanUpView(HEAD, candidates, NOW, more)


def result(item: Candidate, *outcomes: tuple[str, Outcome, str]) -> RemovalResult:
    steps = tuple(Step(what, f"{what}-id", outcome, reason) for what, outcome, reason in outcomes)
    return RemovalResult(item.removal, steps)


def test_the_question_names_each_and_says_what_stays_and_what_is_left_for_later() -> None:
    message = clean_up_views.ask(view(candidate(), candidate("ami-2", excluded_by="U0LEE"), more=5), OPEN, "")
    text = read(message)
    assert "1 image can be deleted, 15 GB at most. Waiting for approval" in text
    assert "1 stays, as somebody chose" in text
    assert "5 more are left for the next time" in text
    assert buttons(message) == ["choose-images", "approve", "reject"]
    assert "for good" in str(message.blocks)
    assert "after 7 d" in str(clean_up_views.ask(view(candidate()), OPEN, "7 d").blocks)


@pytest.mark.parametrize(
    ("outcomes", "news", "row"),
    [
        ((("image", Outcome.DONE, ""), ("snapshot", Outcome.DONE, "")), "1 of 1 removed", "✅ done"),
        ((("image", Outcome.SKIPPED, "used by i-1"),), "0 of 1 removed", "🔒 kept"),
        ((("image", Outcome.DONE, ""), ("snapshot", Outcome.WAITING, "in use")), "0 of 1 removed", "⚠️ not all of it"),
        ((("image", Outcome.REFUSED, "AWS forbids it"),), "0 of 1 removed", "AWS forbids it"),
    ],
)
def test_what_became_of_it(outcomes: tuple[tuple[str, Outcome, str], ...], news: str, row: str) -> None:
    item = candidate()
    text = read(clean_up_views.removed(view(item), DONE, [result(item, *outcomes)]))
    assert news in text
    assert row in text


def test_disabled_ones_can_be_taken_back_and_what_could_not_is_said() -> None:
    item = candidate()
    off = result(item, ("image", Outcome.DONE, ""))
    message = clean_up_views.disabled(view(item), DONE, [off], NOW + 86_400)
    assert "1 image disabled; removed 2026-11-24 09:00 UTC unless somebody takes that back" in read(message)
    assert buttons(message) == ["undo-clean-up"]
    assert "taken back by @lee; nothing was removed" in read(clean_up_views.taken_back(view(item), "U0LEE", [off]))
    bad = result(item, ("image", Outcome.REFUSED, "AWS forbids EnableImage"))
    assert "1 of 1 could not be enabled again" in read(clean_up_views.taken_back(view(item), "U0LEE", [bad]))


@pytest.mark.parametrize("outcome", ["rejected", "expired"])
def test_what_was_not_approved(outcome: str) -> None:
    assert f"{outcome}, nothing was removed" in read(
        clean_up_views.not_approved(view(candidate()), replace(OPEN, outcome=outcome))
    )


def test_the_choice_begins_with_what_stays_already() -> None:
    modal = clean_up_views.choice_modal(7, [candidate(), candidate("ami-2", excluded_by="U0LEE")], NOW)
    check_view(modal, "modal")
    element = modal["blocks"][0]["element"]
    assert [item["value"] for item in element["options"]] == ["ami-1", "ami-2"]
    assert [item["value"] for item in element["initial_options"]] == ["ami-2"]


def test_a_hundred_fit_into_the_question_and_the_choice() -> None:
    many = [candidate(f"ami-{number:017x}") for number in range(100)]
    read(clean_up_views.ask(view(*many), OPEN, ""))
    assert len(clean_up_views.choice_modal(7, many, NOW)["blocks"][0]["element"]["options"]) == 100
    check_view(clean_up_views.choice_modal(7, many, NOW), "modal")


nasty_candidates = st.builds(
    candidate, image_id=st.text("abc-019", min_size=1, max_size=20), what=st.sampled_from(What), group=hostile,
    excluded_by=st.sampled_from(["", "U0LEE"]),
)  # fmt: skip


@given(st.data())
def test_whatever_the_names_slack_takes_it_and_nobody_is_mentioned(data: st.DataObject) -> None:
    draw = data.draw
    actual = draw(st.lists(nasty_candidates, min_size=1, max_size=4, unique_by=lambda item: item.removal.image_id))
    named = [replace(item, removal=replace(item.removal, name=draw(hostile), region=draw(hostile))) for item in actual]
    rendered = view(*named)
    steps = draw(st.lists(st.tuples(hostile, st.sampled_from(Outcome), hostile), min_size=1, max_size=3))
    done = [result(item, *steps) for item in named]
    unreadable = (Unreadable(draw(hostile), draw(hostile), draw(hostile), draw(hostile)),)
    for message in (
        clean_up_views.ask(rendered, OPEN, "7 d"),
        clean_up_views.removing(rendered, DONE, done),
        clean_up_views.removed(rendered, DONE, done),
        clean_up_views.disabled(rendered, DONE, done, NOW),
        clean_up_views.taken_back(rendered, "U0LEE", done),
        clean_up_views.nothing(HEAD, unreadable),
    ):
        read(message)
    check_view(clean_up_views.choice_modal(7, named, NOW), "modal")
