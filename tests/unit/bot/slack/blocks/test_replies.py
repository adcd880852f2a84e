"""Answers to one person, the Home tab and the modals, held against Slack's rules."""

from __future__ import annotations

from hypothesis import given, strategies as st

from bot.slack.blocks import kit, replies
from handlers.deploy.modal import deploy_modal
from sandbox.slack.block_kit import check_view
from tests.unit.bot.drawn import hostile, read


def test_a_refusal_mentions_whom_to_ask() -> None:
    message = replies.refusal(f"You may not; anyone of {kit.group('S0INFRA')} may.")
    assert read(message) == ":no_entry_sign: You may not; anyone of @infra may."


def test_an_apology_has_the_id_that_is_in_the_log() -> None:
    assert "The log has the details under ab12" in read(replies.apology("ab12"))


def test_every_entry_of_the_trail_that_was_asked_for_is_shown_whole() -> None:
    rows = [
        (1_700_000_000.0 + n, "U0ANA", f"click {n} refused", f"#{n} why=ask S0LEADS " + "x" * 150) for n in range(30)
    ]
    rendered = read(replies.audit_page(rows))
    assert all(f"@ana click {number} refused #{number} why=ask S0LEADS" in rendered for number in range(30))
    assert "_Nothing yet._" in read(replies.audit_page([]))


@given(st.lists(hostile, min_size=1, max_size=4), st.integers(0, 70))
def test_slack_takes_every_answer_whatever_is_in_it(pool: list[str], count: int) -> None:
    first, last = pool[0], pool[-1]
    read(replies.refusal(first))
    read(replies.apology("ab12"))
    read(replies.typed_for_you(f"/{first}"[:500]))
    read(replies.audit_page([(1.0, first, last, last)] * min(count, 30)))
    check_view(replies.home([kit.section(kit.escape(f"? {last}"))] * count), "home")


@given(st.text(max_size=200))
def test_slack_takes_the_modals(text: str) -> None:
    check_view(deploy_modal(["dev", "a" * 80], "C0OPS"), "modal")
    check_view(replies.typed_approval(text, "id", f"#7 Plan for {text}", "Read the warnings."), "modal")
