"""Each state of an apply: what its message says of what was done, and what it offers."""

from __future__ import annotations

from dataclasses import replace
from itertools import cycle, islice

from hypothesis import given, strategies as st

from bot.slack.blocks import common, kit
from bot.slack.blocks.common import Failure, FailureContext
from handlers.plan import apply_views, views
from handlers.plan.apply_views import Ending
from runners.results import ApplyProgress, ApplyResult, AttributeChange, Diagnostic
from tests.unit.bot.drawn import buttons, hostile, read, urls
from tests.unit.bot.plans import (
    COMMIT,
    DECIDED_OUTSIDE,
    GIVEN,
    HEAD,
    OPEN,
    SUMMARY,
    VIEW,
    WITH_IMAGES,
    diagnostic,
    headings,
    view_of,
)


def test_the_images_are_displayed_while_the_plan_waits_and_once_it_is_applied() -> None:
    done = ApplyResult(finished=True, added=1, changed=0, destroyed=1)
    assert headings(views.ask(WITH_IMAGES, OPEN)) == ["Machine", "Current image", "Planned image"]
    assert headings(apply_views.applied(WITH_IMAGES, GIVEN, done)) == ["Machine", "Previous image", "Current image"]
    stopped = [replace(done, errors=(Diagnostic("error", "no"),)), replace(done, finished=False)]
    for message in (
        apply_views.applying(WITH_IMAGES, GIVEN, ApplyProgress(1, 3)),
        *(apply_views.applied(WITH_IMAGES, GIVEN, result) for result in stopped),
        apply_views.refused(WITH_IMAGES, GIVEN, "the state has changed", ""),
        views.decided(WITH_IMAGES, replace(OPEN, outcome="rejected")),
    ):
        assert not [block for block in message.blocks if block["type"] == "table"], message.text


def test_while_it_is_applied() -> None:
    assert "approved, applying (1 to destroy" in read(apply_views.applying(VIEW, GIVEN, None))
    message = apply_views.applying(VIEW, GIVEN, ApplyProgress(1, 3, ("aws_eip.backend",)))
    assert "applying, 1 of 3 done, now `aws_eip.backend`" in read(message)
    assert "approved by @lee" in read(message)
    assert "approved by @max" in read(message)
    assert buttons(message) == ["cancel"]


def test_applied() -> None:
    done = ApplyResult(finished=True, added=1, changed=1, destroyed=2)
    text = read(apply_views.applied(VIEW, GIVEN, done))
    assert ":white_check_mark: *#7 Plan for staging*: applied, 2 destroyed, 1 changed, 1 created" in text
    offered = apply_views.applied(VIEW, GIVEN, done, Ending(text="An old image came back.", offer_deploy=True))
    assert "An old image came back." in read(offered)
    assert len(buttons(offered)) == 1


def test_an_apply_that_fails_shows_the_errors_and_what_to_do() -> None:
    errors = tuple(Diagnostic("error", f"no room {number}", "Buy\nmore", "main.tf", 3) for number in range(5))
    text = read(apply_views.applied(VIEW, GIVEN, ApplyResult(True, 1, 0, 0, errors=errors)))
    assert "the apply failed after 1 created, 0 destroyed. What was done stays done" in text
    assert "*no room 0* in `main.tf:3`" in text
    assert "and 2 more errors" in text
    cancelled = apply_views.applied(
        VIEW, GIVEN, ApplyResult(True, 1, 0, 0, errors=errors), Ending(cancelled_by=kit.user("U0LEE"))
    )
    assert "@lee cancelled the apply after 1 created" in read(cancelled)


def test_an_apply_cut_short_tells_what_is_known() -> None:
    result = ApplyResult(False, 1, 0, 0, applied=("aws_eip.a",), in_state=("aws_eip.a", "aws_instance.b"))
    text = read(apply_views.applied(VIEW, GIVEN, result))
    assert "interrupted during the apply, and not started again" in text
    assert "*Done:* `aws_eip.a`" in text
    assert "The state now holds: `aws_eip.a`, `aws_instance.b`." in text
    unknown = read(apply_views.applied(VIEW, GIVEN, replace(result, in_state=None, applied=())))
    assert "state now holds" not in unknown
    assert "It had reported nothing yet." in unknown


def test_an_apply_cut_short_says_first_what_is_gone() -> None:
    cut_short = ApplyResult(False, 0, 0, 2, in_state=("aws_eip.backend",))
    report = apply_views.applied(WITH_IMAGES, GIVEN, cut_short)
    assert report.text.startswith(
        "#7 Plan for staging: 1 resource was destroyed and has not come back: `aws_instance.backend`; "
        "destroyed as planned: `aws_instance.cron` (interrupted during the apply"
    )
    two = replace(SUMMARY, changes=(SUMMARY.changes[1], replace(SUMMARY.changes[1], address="aws_instance.cron")))
    text = read(apply_views.applied(replace(VIEW, summary=two), GIVEN, cut_short))
    assert "2 resources were destroyed and have not come back: `aws_instance.backend`, `aws_instance.cron`" in text
    all_there = replace(cut_short, in_state=("aws_eip.backend", "aws_instance.backend", "aws_instance.cron"))
    for existing in (all_there, replace(cut_short, in_state=None)):
        assert "#7 Plan for staging*: interrupted during the apply" in read(apply_views.applied(VIEW, GIVEN, existing))


def test_an_apply_of_outputs_alone_counts_them() -> None:
    only = replace(SUMMARY, changes=(), outputs=tuple(AttributeChange(f"o{n}", "a", "b") for n in range(4)))
    view, done = replace(VIEW, summary=only), ApplyResult(True, 0, 0, 0)
    assert apply_views.applied(view, GIVEN, done).text == "#7 Plan for staging: applied, 4 outputs changed"
    failed = apply_views.applied(view, GIVEN, replace(done, errors=(Diagnostic("error", "no"),)))
    assert "the apply failed, and no change was completed" in failed.text


def test_an_apply_that_stopped_tells_how_far_it_came() -> None:
    remaining = tuple(f"aws_eip.n{number}" for number in range(14))
    stopped = ApplyResult(True, 1, 0, 0, ("aws_eip.a",), (Diagnostic("error", "no"),), None, ("aws_eip.b",), remaining)
    text = read(apply_views.applied(VIEW, GIVEN, stopped))
    assert "*Done:* `aws_eip.a`\n*Begun, and not done:* `aws_eip.b`\n*Not begun:* `aws_eip.n0`" in text
    assert "`aws_eip.n9` and 4 more" in text


def test_a_lock_is_said_and_only_one_of_our_own_can_be_given_back() -> None:
    problem = "max@laptop has held the state's lock since 2026-11-23 09:00 UTC (apply, lock 5d1)"
    others = apply_views.locked(HEAD, COMMIT, problem, "Wait until that has ended.")
    assert "no plan was made. max@laptop has held" in read(others)
    assert "Wait until that has ended." in read(others)
    assert buttons(others) == ["plan-again"]
    for ours in (
        apply_views.locked(HEAD, COMMIT, problem, "Wait.", orphaned_by="#3"),
        apply_views.refused(VIEW, GIVEN, problem, "Wait.", orphaned_by="#3"),
    ):
        assert "That was #3, which is over and left the lock." in read(ours)
        assert "Wait." not in read(ours)
        assert buttons(ours) == ["unlock", "plan-again"]
        row = next(block for block in ours.blocks if block.get("block_id") == "unlock")
        assert "#3 left the lock on the state of *staging*" in row["elements"][0]["confirm"]["text"]["text"]


def test_where_there_is_no_plan_what_is_wrong_comes_first() -> None:
    trouble = Failure("planning x", "invalid reference (main.tf:3)", "Mend it. Plan again.", "Error: <no>")
    message = apply_views.not_planned(HEAD, COMMIT, trouble)
    assert message.text == "#7 Plan for staging: no plan was made. Invalid reference (main.tf:3)"
    text = read(message)
    assert text.index("Error: <no>") < text.index("Mend it.") < text.index("while planning x")
    assert "Plan again." not in text
    assert buttons(message) == ["plan-again"]
    not_repeatable = apply_views.not_planned(HEAD, None, replace(trouble, log_tail=""), again=False)
    assert "Mend it. Plan again." in read(not_repeatable)
    assert "```" not in read(not_repeatable)
    assert not buttons(not_repeatable)


def test_approved_but_refused() -> None:
    text = read(apply_views.refused(VIEW, GIVEN, "The plan is stale.\nSomebody else changed it.", "Run /plan again."))
    assert "not applied. The plan is stale." in text
    assert "Run /plan again." in text


def test_what_to_do_is_said_once_and_a_command_stands_on_its_own_line() -> None:
    stale = apply_views.refused(
        VIEW, GIVEN, "the infrastructure's state has changed", "Nothing was applied. Plan again."
    )
    assert "not applied. The infrastructure's state has changed\n" in read(stale)
    assert "Plan again" not in read(stale)
    assert buttons(stale) == ["plan-again"]
    wait = "Wait. Or release the lock with:\nterraform force-unlock 6741213b"
    for report in (
        apply_views.refused(VIEW, GIVEN, "somebody holds the lock", wait),
        apply_views.locked(HEAD, COMMIT, "somebody holds the lock", wait),
    ):
        assert ". Somebody holds the lock" in read(report)
        assert "release the lock with:\n`terraform force-unlock 6741213b`" in read(report)
    failed = common.failed(HEAD, Failure("applying", "the disk is full", "Plan again.", ""), FailureContext())
    assert "Plan again." in read(failed)
    assert not buttons(failed)


def test_what_was_confirmed_elsewhere_says_where_and_by_whom() -> None:
    under_way = read(
        apply_views.applying(VIEW, replace(DECIDED_OUTSIDE, outside="confirmed in HCP Terraform by max"), None)
    )
    assert "confirmed in HCP Terraform by max, applying" in under_way


@given(st.lists(hostile, min_size=1, max_size=5), urls, st.integers(0, 30))
def test_slack_takes_every_state_whatever_is_in_it(pool: list[str], url: str, count: int) -> None:
    view = view_of(pool, url, count)
    errors = tuple(diagnostic(cycle(pool)) for _ in range(4))
    addresses = tuple(islice(cycle(pool), count))
    read(apply_views.applying(view, GIVEN, ApplyProgress(0, 1, addresses)))
    read(apply_views.applied(view, GIVEN, ApplyResult(True, 1, 1, 1, errors=errors)))
    read(apply_views.applied(view, GIVEN, ApplyResult(False, 1, 1, 1, addresses, in_state=addresses)))
    read(apply_views.refused(view, GIVEN, pool[0], pool[-1]))


def test_only_what_was_done_is_said_to_be_done() -> None:
    complete = ApplyResult(True, 1, 1, 2)
    assert "*Destroyed* `aws_instance.cron`" in read(apply_views.applied(VIEW, GIVEN, complete))
    partly = replace(complete, errors=(Diagnostic("error", "no"),))
    for message in (
        apply_views.applied(VIEW, GIVEN, partly),
        apply_views.applied(VIEW, GIVEN, replace(complete, finished=False)),
        apply_views.refused(VIEW, GIVEN, "the state has changed", ""),
        apply_views.applying(VIEW, GIVEN, None),
    ):
        assert "*Destroyed*" not in read(message)
        assert "*Destroy*" not in read(message)


def test_that_nothing_was_applied_is_said_once() -> None:
    text = read(apply_views.refused(VIEW, GIVEN, "the state has changed", "Nothing was applied. Plan again."))
    assert "Nothing was applied" not in text
    assert "A new plan shows what would change now." in text


def test_an_apply_of_which_the_end_is_not_known_is_no_refused_one() -> None:
    text = read(apply_views.unknown(VIEW, GIVEN, "HCP Terraform does not answer", "Check the run."))
    assert "it is unknown whether the plan was applied. HCP Terraform does not answer" in text
    assert "Check the run." in text
    assert "not applied" not in text


def test_an_apply_that_fails_says_first_what_did_not_come_back_by_terraforms_reports() -> None:
    error = Diagnostic("error", "InsufficientInstanceCapacity", "")
    failed = ApplyResult(True, 0, 0, 1, errors=(error,), under_way=("aws_instance.backend",))
    report = apply_views.applied(VIEW, GIVEN, failed)
    assert report.text.startswith(
        "#7 Plan for staging: 1 resource was destroyed and has not come back: `aws_instance.backend`. "
        "The apply failed after 1 destroyed"
    )
    not_destroyed = replace(failed, destroyed=0)
    planned = replace(failed, destroyed=1, applied=("aws_instance.cron",))  # cron is to be destroyed
    replaced = replace(failed, destroyed=1, replaced=1, under_way=())
    for harmless in (not_destroyed, planned, replaced):
        assert apply_views.not_come_back(SUMMARY, harmless) == []
        assert "has not come back" not in read(apply_views.applied(VIEW, GIVEN, harmless))
