"""Each state of a plan's message: what it says, that it always has its buttons and never lies about what is left out."""

from __future__ import annotations

from dataclasses import replace
from itertools import cycle, islice
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings, strategies as st

from bot.blocks import operation, plan as drawing
from bot.blocks.operation import ApprovalView, Head
from bot.blocks.plan import Ending, PlanView
from runners.results import (
    ApplyProgress,
    ApplyResult,
    AttributeChange,
    Change,
    Commit,
    Diagnostic,
    Image,
    ImageChange,
    PlanSummary,
    ResourceChange,
)
from tests.unit.bot.drawn import buttons, hostile, read, urls

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bot.blocks.kit import Message

HEAD = Head(7, "Plan for staging", "staging", "U0ANA")
COMMIT = Commit("o/r", "a1b2c3d4" * 5, "main", "Raise the queue's memory", "Lee Park", "https://github.com/o/r/c/1")
AMI = AttributeChange("ami", "ami-0old", "ami-0new", forces_replacement=True)
SUMMARY = PlanSummary(
    digest="d" * 64,
    program="Terraform 1.11.4",
    changes=(
        ResourceChange("aws_instance.cron", "aws_instance", Change.DELETE, reason="it is not in the configuration"),
        ResourceChange("aws_instance.backend", "aws_instance", Change.REPLACE, (AMI,), reason="cannot be updated"),
        ResourceChange(
            "aws_eip.backend",
            "aws_eip",
            Change.UPDATE,
            (AttributeChange("tags.Name", None, "backend"), AttributeChange("id", "e-1", "(known after apply)")),
        ),
    ),
    resources=12,
)
VIEW = PlanView(HEAD, COMMIT, SUMMARY)
OPEN = ApprovalView("ID", 2, "pending", (), 1_700_003_600.0, "anyone of <!subteam^S0LEADS>")
ONE = replace(OPEN, votes=(("U0LEE", "approved", 1_700_000_000.0),))
GIVEN = replace(ONE, outcome="approved", votes=(*ONE.votes, ("U0MAX", "approved", 1_700_000_060.0)))


NOW, NEW = (
    Image("ami-0old", "staging-1"),
    Image("ami-0new", "staging-2"),
)
WITH_IMAGES = replace(VIEW, images=(ImageChange("backend", NOW, NEW),), region="us-west-2")


def test_the_table_of_images_never_says_that_a_replaced_one_runs_now() -> None:
    done = ApplyResult(finished=True, added=1, changed=0, destroyed=1)
    assert headings(drawing.ask(WITH_IMAGES, OPEN)) == ["Machine", "Runs now", "Age", "Planned image", "Age"]
    begun = [ApplyProgress(1, 3), ApplyProgress(0, 3, ("aws_instance.cron",))]
    stopped = [replace(done, errors=(Diagnostic("error", "no"),)), replace(done, finished=False)]
    for message in (
        *(drawing.applying(WITH_IMAGES, GIVEN, progress) for progress in begun),
        *(drawing.applied(WITH_IMAGES, GIVEN, result) for result in stopped),
    ):
        assert headings(message)[1:4:2] == ["Ran before", "Planned image"]
    assert headings(drawing.applied(WITH_IMAGES, GIVEN, done))[1:4:2] == ["Ran before", "Runs now"]
    rejected = drawing.settled(WITH_IMAGES, replace(OPEN, outcome="rejected"))
    assert headings(rejected)[1:4:2] == ["Runs now", "Planned image"]


def test_images_of_a_plan_of_which_nothing_was_applied_still_run() -> None:
    nothing = ApplyResult(True, 0, 0, 0, errors=(Diagnostic("error", "no"),))
    for message in (
        drawing.applying(WITH_IMAGES, GIVEN, None),
        drawing.applying(WITH_IMAGES, GIVEN, ApplyProgress(0, 3)),
        drawing.refused(WITH_IMAGES, GIVEN, "the state has changed", ""),
        drawing.applied(WITH_IMAGES, GIVEN, nothing),
        drawing.applied(WITH_IMAGES, GIVEN, nothing, Ending(cancelled_by="<@U0LEE>")),
        drawing.applied(WITH_IMAGES, GIVEN, replace(nothing, finished=False)),
    ):
        assert headings(message)[1:4:2] == ["Runs now", "Planned image"]


def headings(message: Message) -> list[str]:
    table = next(block for block in message.blocks if block["type"] == "table")
    return [cell["elements"][0]["elements"][0]["text"] for cell in table["rows"][0]]


def test_while_planning() -> None:
    said = read(drawing.working(HEAD, "planning", COMMIT))
    assert "#7 Plan for staging*: planning" in said
    assert "asked by @ana" in said
    assert "a1b2c3d Raise the queue's memory (Lee Park)" in said


@pytest.mark.parametrize(("resources", "words"), [(0, "0 resources"), (1, "1 resource"), (12, "12 resources")])
def test_up_to_date(resources: int, words: str) -> None:
    message = drawing.up_to_date(PlanView(HEAD, COMMIT, PlanSummary("d", "Terraform 1.11.4", (), resources=resources)))
    assert f"up to date, nothing to do ({words} in place)" in read(message)
    assert not buttons(message)


def test_the_question_shows_the_worst_first_and_both_buttons() -> None:
    message = drawing.ask(VIEW, OPEN)
    said = read(message)
    assert message.text == ("#7 Plan for staging: 1 to destroy, 1 to replace, 1 to change. Waiting for approval")
    assert said.index("aws_instance.cron") < said.index("aws_instance.backend") < said.index("aws_eip.backend")
    assert "`ami`: `ami-0old` → `ami-0new` _forces replacement_" in said
    assert "`tags.Name`: _(none)_ → `backend`" in said
    assert "known after apply" not in said
    assert "needs 2 approvals by anyone of @leads" in said
    assert "[Approve and apply to staging]" in said
    assert buttons(message) == ["approve", "reject"]


def test_the_confirmation_repeats_what_will_happen() -> None:
    row = next(block for block in drawing.ask(VIEW, OPEN).blocks if block["type"] == "actions")
    question = row["elements"][0]["confirm"]["text"]["text"]
    assert "exactly this plan to *staging*: 1 to destroy, 1 to replace, 1 to change" in question
    assert "a1b2c3d" in question
    assert "dddddddddddd" in question


def test_one_of_two_has_approved() -> None:
    said = read(drawing.ask(VIEW, ONE))
    assert "approved by @lee" in said
    assert "needs 1 more approval by anyone of @leads" in said


def test_what_is_protected_takes_a_typed_word() -> None:
    lost = [f"aws_db_instance.db{number}" for number in range(7)]
    said = read(drawing.ask(VIEW, OPEN, lost, typed_word="staging"))
    assert "`aws_db_instance.db4` and 2 more. To approve, type `staging`." in said


@pytest.mark.parametrize(("outcome", "words"), [("rejected", "rejected, nothing was applied"), ("expired", "expired,")])
def test_a_decision_against_it(outcome: str, words: str) -> None:
    message = drawing.settled(VIEW, replace(OPEN, outcome=outcome, votes=(("U0LEE", "rejected", 1.0),)))
    assert words in read(message)
    assert "rejected by @lee" in read(message)
    assert "approve" not in buttons(message)


def test_a_newer_plan_took_its_place() -> None:
    said = read(drawing.settled(VIEW, replace(ONE, outcome="superseded")))
    assert "a newer plan took its place, nothing was applied" in said
    assert "approved by @lee 2023-11-14 22:13 UTC  superseded by a newer plan" in said


def test_while_it_is_applied() -> None:
    assert "approved, applying (1 to destroy" in read(drawing.applying(VIEW, GIVEN, None))
    message = drawing.applying(VIEW, GIVEN, ApplyProgress(1, 3, ("aws_eip.backend",)))
    assert "applying, 1 of 3 done, now `aws_eip.backend`" in read(message)
    assert "approved by @lee" in read(message)
    assert "approved by @max" in read(message)
    assert buttons(message) == ["cancel"]


def test_applied() -> None:
    done = ApplyResult(finished=True, added=1, changed=1, destroyed=2)
    said = read(drawing.applied(VIEW, GIVEN, done))
    assert ":white_check_mark: *#7 Plan for staging*: applied, 1 added, 1 changed, 2 destroyed" in said
    offered = drawing.applied(VIEW, GIVEN, done, Ending(note="An old image came back.", offer_deploy=True))
    assert "An old image came back." in read(offered)
    assert len(buttons(offered)) == 1


def test_an_apply_that_fails_shows_the_errors_and_what_to_do() -> None:
    errors = tuple(Diagnostic("error", f"no room {number}", "Buy\nmore", "main.tf", 3) for number in range(5))
    said = read(drawing.applied(VIEW, GIVEN, ApplyResult(True, 1, 0, 0, errors=errors)))
    assert "the apply failed after 1 added, 0 changed, 0 destroyed. What was done stays done" in said
    assert "*no room 0* in `main.tf:3`" in said
    assert "and 2 more errors" in said
    cancelled = drawing.applied(VIEW, GIVEN, ApplyResult(True, 1, 0, 0, errors=errors), Ending(cancelled_by="<@U0LEE>"))
    assert "@lee cancelled the apply after 1 added" in read(cancelled)


def test_an_apply_cut_short_tells_what_is_known() -> None:
    result = ApplyResult(False, 1, 0, 0, applied=("aws_eip.a",), in_state=("aws_eip.a", "aws_instance.b"))
    said = read(drawing.applied(VIEW, GIVEN, result))
    assert "interrupted during the apply, and not started again" in said
    assert "*Done:* `aws_eip.a`" in said
    assert "The state now holds: `aws_eip.a`, `aws_instance.b`." in said
    unknown = read(drawing.applied(VIEW, GIVEN, replace(result, in_state=None, applied=())))
    assert "state now holds" not in unknown
    assert "It had reported nothing yet." in unknown


def test_an_apply_cut_short_says_first_what_is_gone() -> None:
    cut_short = ApplyResult(False, 0, 0, 2, in_state=("aws_eip.backend",))
    told = drawing.applied(WITH_IMAGES, GIVEN, cut_short)
    assert told.text.startswith(
        "#7 Plan for staging: 1 resource was destroyed and is not there again: `aws_instance.backend`; "
        "destroyed as planned: `aws_instance.cron` (interrupted during the apply"
    )
    assert headings(told)[1:4:2] == ["Ran before", "Planned image"]
    two = replace(SUMMARY, changes=(SUMMARY.changes[1], replace(SUMMARY.changes[1], address="aws_instance.cron")))
    said = read(drawing.applied(replace(VIEW, summary=two), GIVEN, cut_short))
    assert "2 resources were destroyed and are not there again: `aws_instance.backend`, `aws_instance.cron`" in said
    all_there = replace(cut_short, in_state=("aws_eip.backend", "aws_instance.backend", "aws_instance.cron"))
    for known in (all_there, replace(cut_short, in_state=None)):
        assert "#7 Plan for staging*: interrupted during the apply" in read(drawing.applied(VIEW, GIVEN, known))


def test_an_apply_of_outputs_alone_counts_them() -> None:
    only = replace(SUMMARY, changes=(), outputs=tuple(AttributeChange(f"o{n}", "a", "b") for n in range(4)))
    view, done = replace(VIEW, summary=only), ApplyResult(True, 0, 0, 0)
    assert drawing.applied(view, GIVEN, done).text == "#7 Plan for staging: applied, 4 outputs changed"
    failed = drawing.applied(view, GIVEN, replace(done, errors=(Diagnostic("error", "no"),)))
    assert "failed after 0 added" in failed.text


def test_an_apply_that_stopped_tells_how_far_it_came() -> None:
    left = tuple(f"aws_eip.n{number}" for number in range(14))
    stopped = ApplyResult(True, 1, 0, 0, ("aws_eip.a",), (Diagnostic("error", "no"),), None, ("aws_eip.b",), left)
    said = read(drawing.applied(VIEW, GIVEN, stopped))
    assert "*Done:* `aws_eip.a`\n*Begun, and not done:* `aws_eip.b`\n*Not begun:* `aws_eip.n0`" in said
    assert "`aws_eip.n9` and 4 more" in said


def test_what_is_destroyed_is_named_without_what_it_was() -> None:
    gone = ResourceChange(
        "aws_eip.a", "aws_eip", Change.DELETE, (AttributeChange("ip", "10.1.1.1", None),), "no longer in"
    )
    said = read(drawing.ask(replace(VIEW, summary=replace(SUMMARY, changes=(gone,))), OPEN))
    assert "`aws_eip.a`, no longer in" in said
    assert "10.1.1.1" not in said
    assert "10.1.1.1" in read(drawing.details(replace(SUMMARY, changes=(gone,))))


@pytest.mark.parametrize(
    ("commits", "words"),
    [
        (0, "`main` no longer has the commit of this plan."),
        (1, "has moved on by 1 commit since this plan:* a1b2c3d Raise the queue's memory."),
        (7, "has moved on by 7 commits since this plan:* a1b2c3d"),
        (250, "has moved on by 250 commits or more since this plan:"),
    ],
)
def test_where_the_branch_went_is_said_and_it_can_still_be_approved(commits: int, words: str) -> None:
    moved = drawing.Moved("main", "f" * 40, (COMMIT,) * commits)
    asked = drawing.ask(VIEW, OPEN, moved=moved)
    assert words in read(asked)
    assert (" and 2 before." in read(asked)) is (commits == 7)
    assert buttons(asked) == ["approve", "reject"]


def test_a_lock_is_said_and_only_one_of_our_own_can_be_given_back() -> None:
    problem = "max@laptop holds the state's lock since 2026-11-23 09:00 UTC (apply, lock 5d1)"
    others = drawing.locked(HEAD, COMMIT, problem, "Wait until that has ended.")
    assert "no plan was made. max@laptop holds" in read(others)
    assert "Wait until that has ended." in read(others)
    assert buttons(others) == ["plan-again"]
    for ours in (
        drawing.locked(HEAD, COMMIT, problem, "Wait.", left_by="#3"),
        drawing.refused(VIEW, GIVEN, problem, "Wait.", left_by="#3"),
    ):
        assert "That was #3, which is over and left the lock." in read(ours)
        assert "Wait." not in read(ours)
        assert buttons(ours) == ["unlock", "plan-again"]
        row = next(block for block in ours.blocks if block.get("block_id") == "unlock")
        assert "#3 left the lock on the state of *staging*" in row["elements"][0]["confirm"]["text"]["text"]


def test_approved_but_refused() -> None:
    said = read(drawing.refused(VIEW, GIVEN, "The plan is stale.\nSomebody else changed it.", "Run /plan again."))
    assert "not applied. The plan is stale." in said
    assert "Run /plan again." in said


def test_what_to_do_is_said_once_and_a_command_stands_on_its_own_line() -> None:
    stale = drawing.refused(VIEW, GIVEN, "the infrastructure's state has changed", "Nothing was applied. Plan again.")
    assert "not applied. The infrastructure's state has changed\n" in read(stale)
    assert "Plan again" not in read(stale)
    assert buttons(stale) == ["plan-again"]
    wait = "Wait. Or release the lock with:\nterraform force-unlock 6741213b"
    for told in (
        drawing.refused(VIEW, GIVEN, "somebody holds the lock", wait),
        drawing.locked(HEAD, COMMIT, "somebody holds the lock", wait),
    ):
        assert ". Somebody holds the lock" in read(told)
        assert "release the lock with:\n`terraform force-unlock 6741213b`" in read(told)
    failed = operation.failed(HEAD, "applying", "the disk is full", "Plan again.", "")
    assert "Plan again." in read(failed)
    assert not buttons(failed)


def test_no_resource_is_dropped_between_two_that_are_shown() -> None:
    long = tuple(AttributeChange(f"attribute{number}", "b" * 5_000, "a" * 5_000) for number in range(3))
    many = tuple(ResourceChange(f"aws_instance.n{n}", "aws_instance", Change.REPLACE, long) for n in range(12))
    said = read(drawing.ask(PlanView(HEAD, COMMIT, replace(SUMMARY, changes=many)), OPEN))
    assert all(f"aws_instance.n{number}`" in said for number in range(12))


@pytest.mark.parametrize("count", [13, 10_000])
def test_the_largest_plan_is_still_a_message_with_buttons(count: int) -> None:
    many = tuple(
        ResourceChange(f"aws_instance.{'n' * 300}{number}", "aws_instance", Change.CREATE) for number in range(count)
    )
    view = PlanView(HEAD, COMMIT, replace(SUMMARY, changes=many))
    message = drawing.ask(view, OPEN)
    assert f"{count} to create" in message.text
    assert f"*And {count - 12:,} more* (all of it is in the thread)" in read(message)
    assert buttons(message) == ["approve", "reject"]


def test_what_is_too_many_to_show_is_counted_by_module_and_type() -> None:
    many = (
        *(ResourceChange(f"aws_eip.n{number}", "aws_eip", Change.DELETE) for number in range(12)),
        *(
            ResourceChange(
                f'module.web["{number}].x"].module.disk[{number}].aws_ebs_volume.d', "aws_ebs_volume", change
            )
            for number in range(3)
            for change in (Change.REPLACE, Change.CREATE)
        ),
        ResourceChange("aws_eip.last", "aws_eip", Change.CREATE),
    )
    said = read(drawing.ask(PlanView(HEAD, COMMIT, replace(SUMMARY, changes=many)), OPEN))
    assert "• 3 to replace: `aws_ebs_volume` in `module.web.module.disk`" in said
    assert "• 3 to create: `aws_ebs_volume` in `module.web.module.disk`" in said
    assert "• 1 to create: `aws_eip` in the root module" in said


def test_the_table_of_images_shows_ids_that_lead_to_the_console_and_names() -> None:
    table = next(block for block in drawing.ask(WITH_IMAGES, OPEN).blocks if block["type"] == "table")
    link, name = table["rows"][1][1]["elements"][0]["elements"]
    assert (link["type"], link["text"], name["text"]) == ("link", "ami-0old", " staging-1")
    assert link["url"].endswith("ImageDetails:imageId=ami-0old")


def test_details_say_how_many_they_leave_out() -> None:
    many = tuple(ResourceChange(f"aws_eip.n{number}", "aws_eip", Change.CREATE) for number in range(45))
    said = read(drawing.details(replace(SUMMARY, changes=many)))
    assert "and 5 more; the attached plan has all of them" in said
    crowded = tuple(replace(one, attributes=(AttributeChange("x" * 80, "y" * 80, None),) * 20) for one in many)
    said = read(drawing.details(replace(SUMMARY, changes=crowded)))
    assert "… 8 more attributes" in said
    assert "The rest is in the attached plan." in said


def test_a_plan_that_only_changes_outputs_has_details_too() -> None:
    outputs = tuple(AttributeChange(f"address{number}", "a", "b") for number in range(7))
    only = PlanSummary("d" * 64, "Terraform", (), outputs=outputs)
    details = drawing.details(only)
    assert details.text == "The plan in detail: 7 outputs to change"
    assert "`address6`: `a` → `b`" in read(details)
    assert "and 2 more outputs" in read(drawing.ask(PlanView(HEAD, COMMIT, only), OPEN))


def view_of(pool: list[str], url: str, count: int) -> PlanView:
    """A plan in which every text is one of these, in turn."""
    text = cycle(pool)
    attributes = tuple(AttributeChange(next(text), next(text), next(text), True) for _ in range(4))
    changes = tuple(
        ResourceChange(next(text), next(text), kind, attributes, next(text), next(text))
        for kind in Change
        for _ in range(count)
    )
    warnings = tuple(diagnostic(text) for _ in range(4))
    summary = PlanSummary("d" * 64, next(text), changes, attributes, changes, warnings)
    return PlanView(
        Head(10**9, next(text), next(text), "U0ANA"),
        Commit(next(text), "a" * 40, next(text), next(text), next(text), url),
        summary,
    )


def diagnostic(text: Iterator[str]) -> Diagnostic:
    return Diagnostic("error", next(text), next(text), next(text), 3, next(text), next(text))


@settings(max_examples=20)
@given(st.lists(hostile, min_size=1, max_size=5), urls, st.integers(0, 30))
def test_slack_takes_every_state_whatever_is_in_it(pool: list[str], url: str, count: int) -> None:
    view = view_of(pool, url, count)
    errors = tuple(diagnostic(cycle(pool)) for _ in range(4))
    addresses = tuple(islice(cycle(pool), count))
    question = drawing.ask(view, ONE, addresses)
    read(question)
    assert buttons(question) == ["approve", "reject"]
    read(drawing.details(view.summary))
    read(drawing.up_to_date(view))
    read(drawing.settled(view, replace(OPEN, outcome="expired")))
    read(drawing.applying(view, GIVEN, ApplyProgress(0, 1, addresses)))
    read(drawing.applied(view, GIVEN, ApplyResult(True, 1, 1, 1, errors=errors)))
    read(drawing.applied(view, GIVEN, ApplyResult(False, 1, 1, 1, addresses, in_state=addresses)))
    read(drawing.refused(view, GIVEN, pool[0], pool[-1]))
    read(drawing.working(view.head, "planning", view.commit))


ELSEWHERE = replace(ONE, outcome="elsewhere", elsewhere="discarded in HCP Terraform by <max>")


def test_what_was_decided_elsewhere_says_where_and_by_whom() -> None:
    said = read(drawing.settled_elsewhere(VIEW, ELSEWHERE))
    assert "discarded in HCP Terraform by <max>, nothing was applied" in said
    assert not buttons(drawing.settled_elsewhere(VIEW, ELSEWHERE))
    under_way = read(drawing.applying(VIEW, replace(ELSEWHERE, elsewhere="confirmed in HCP Terraform by max"), None))
    assert "confirmed in HCP Terraform by max, applying" in under_way


def test_a_plan_that_can_be_looked_at_elsewhere_is_linked_and_its_notes_are_no_warnings() -> None:
    notes = (Diagnostic("note", "Estimated costs: 12 USD"), Diagnostic("warning", "Policies failed: 1 advisory"))
    view = replace(VIEW, summary=replace(SUMMARY, url="https://app.terraform.io/app/a/runs/run-1", warnings=notes))
    message = drawing.ask(view, OPEN)
    assert "https://app.terraform.io/app/a/runs/run-1" in str(message.blocks)
    assert ":information_source: Estimated costs" in read(message)
    assert ":warning: Policies failed" in read(message)


def test_drift_that_the_code_does_not_contradict_is_told_as_such() -> None:
    drifted = (ResourceChange("aws_instance.web", "aws_instance", Change.UPDATE),)
    quiet = replace(SUMMARY, changes=(), outputs=(), drift=drifted)
    said = read(drawing.drifted(HEAD, COMMIT, quiet))
    assert "1 resource changed outside of Terraform, as the code allows" in said
    assert "as the code says again" in read(drawing.drifted(HEAD, COMMIT, replace(quiet, drift=())))
