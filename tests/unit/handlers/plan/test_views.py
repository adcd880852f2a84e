"""Each state of a plan's message: what it says, that it always has its buttons and never lies about what is left out."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import cycle, islice

import pytest
from hypothesis import given, strategies as st

from bot.slack.blocks.common import Head, LinkedOperation
from bot.slack.blocks.markup import opened
from handlers.plan import change_views, views
from handlers.plan.views import PlanView
from runners.results import AttributeChange, Change, Diagnostic, Image, ImageChange, PlanSummary, ResourceChange
from tests.unit.bot.drawn import buttons, hostile, read, urls
from tests.unit.bot.plans import COMMIT, DECIDED_OUTSIDE, HEAD, ONE, OPEN, SUMMARY, VIEW, WITH_IMAGES, view_of


def test_while_planning() -> None:
    text = read(views.working(HEAD, "planning", COMMIT))
    assert "#7 Plan for staging*: planning" in text
    assert "requested by @ana" in text
    assert "a1b2c3d Raise the queue's memory (Lee Park)" in text


@pytest.mark.parametrize(("resources", "words"), [(0, "0 resources"), (1, "1 resource"), (12, "12 resources")])
def test_up_to_date(resources: int, words: str) -> None:
    message = views.up_to_date(PlanView(HEAD, COMMIT, PlanSummary("d", "Terraform 1.11.4", (), resources=resources)))
    assert f"up to date, nothing to do ({words} in place)" in read(message)
    assert not buttons(message)


def test_the_question_shows_the_worst_first_and_both_buttons() -> None:
    message = views.ask(VIEW, OPEN)
    text = read(message)
    assert message.text == ("#7 Plan for staging: 1 to destroy, 1 to replace, 1 to change. Waiting for approval")
    assert text.index("aws_instance.cron") < text.index("aws_instance.backend") < text.index("aws_eip.backend")
    assert ":red_circle: *Destroy* `aws_instance.cron`, it is not in the configuration" in text
    assert ":large_orange_circle: *Replace* `aws_instance.backend`, because `ami` changes" in text
    assert ":large_yellow_circle: *Change* `aws_eip.backend`" in text
    assert "ami-0old" not in text
    thread = read(change_views.details(SUMMARY))
    assert "`ami`: `ami-0old` → `ami-0new` _forces replacement_" in thread
    assert "`tags.Name`: _(none)_ → `backend`" in thread
    assert "needs 2 approvals by anyone of @leads" in text
    assert "[Approve and apply to staging]" in text
    assert buttons(message) == ["approve", "reject"]


def test_the_confirmation_repeats_what_will_happen() -> None:
    row = next(block for block in views.ask(VIEW, OPEN).blocks if block["type"] == "actions")
    question = row["elements"][0]["confirm"]["text"]["text"]
    assert "exactly this plan to *staging*: 1 to destroy, 1 to replace, 1 to change" in question
    assert "a1b2c3d" in question
    assert "dddddddddddd" in question


def test_one_of_two_has_approved() -> None:
    text = read(views.ask(VIEW, ONE))
    assert "approved by @lee" in text
    assert "needs 1 more approval by anyone of @leads" in text


def test_what_is_protected_takes_a_typed_word() -> None:
    lost = [f"aws_db_instance.db{number}" for number in range(7)]
    text = read(views.ask(VIEW, OPEN, lost, typed_confirmation="staging"))
    assert "`aws_db_instance.db4` and 2 more. To approve, type `staging`." in text


def test_where_a_word_is_typed_next_the_button_asks_no_question_of_its_own() -> None:
    row = next(
        block for block in views.ask(VIEW, OPEN, typed_confirmation="staging").blocks if block["type"] == "actions"
    )
    approve, reject = row["elements"]
    assert "confirm" not in approve
    assert "confirm" not in reject  # its modal asks why


@pytest.mark.parametrize(("outcome", "words"), [("rejected", "rejected, nothing was applied"), ("expired", "expired,")])
def test_a_decision_against_it(outcome: str, words: str) -> None:
    message = views.decided(VIEW, replace(OPEN, outcome=outcome, votes=(("U0LEE", "rejected", 1.0),)))
    assert words in read(message)
    assert "rejected by @lee" in read(message)
    assert "approve" not in buttons(message)


def test_a_newer_plan_took_its_place() -> None:
    text = read(views.decided(VIEW, replace(ONE, outcome="superseded")))
    assert "superseded by a newer plan, nothing was applied" in text
    assert "approved by @lee 2023-11-14 22:13 UTC  superseded by a newer request for approval" in text


def test_the_plan_that_took_its_place_is_named_with_its_link() -> None:
    newer = LinkedOperation(
        Head(9, "Plan for staging a=<b>", "staging", "U0LEE"), "https://acme.slack.com/archives/C/p9"
    )
    message = views.decided(VIEW, replace(ONE, outcome="superseded"), newer)
    assert opened(message.text).startswith(
        "#7 Plan for staging: superseded by <https://acme.slack.com/archives/C/p9|#9>, nothing was applied (1 to destroy"
    )
    assert ":arrow_right: newer plan: #9 Plan for staging a=<b>  requested by @lee" in read(message)
    assert "<https://acme.slack.com/archives/C/p9|#9 Plan for staging a=&lt;b&gt;>" in opened(str(message.blocks))
    assert not buttons(message)


def test_what_is_destroyed_is_named_without_what_it_was() -> None:
    missing = ResourceChange(
        "aws_eip.a", "aws_eip", Change.DELETE, (AttributeChange("ip", "10.1.1.1", None),), "no longer in"
    )
    text = read(views.ask(replace(VIEW, summary=replace(SUMMARY, changes=(missing,))), OPEN))
    assert "`aws_eip.a`, no longer in" in text
    assert "10.1.1.1" not in text
    assert "10.1.1.1" in read(change_views.details(replace(SUMMARY, changes=(missing,))))


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
    move = views.BranchMove("main", "f" * 40, (COMMIT,) * commits)
    question = views.ask(VIEW, OPEN, move=move)
    assert words in read(question)
    assert (" and 2 before." in read(question)) is (commits == 7)
    assert buttons(question) == ["approve", "reject"]


def test_no_resource_is_dropped_between_two_that_are_shown() -> None:
    long = tuple(AttributeChange(f"attribute{number}", "b" * 5_000, "a" * 5_000) for number in range(3))
    many = tuple(ResourceChange(f"aws_instance.n{n}", "aws_instance", Change.REPLACE, long) for n in range(12))
    text = read(views.ask(PlanView(HEAD, COMMIT, replace(SUMMARY, changes=many)), OPEN))
    assert [number for number in range(12) if f"aws_instance.n{number}`" in text] == [0, 1, 2, 3, 4]
    assert "and 7 more changes, in the thread" in text
    six = read(views.ask(PlanView(HEAD, COMMIT, replace(SUMMARY, changes=many[:6])), OPEN))
    assert all(f"aws_instance.n{number}`" in six for number in range(6))
    assert "more" not in six


@pytest.mark.parametrize("count", [13, 10_000])
def test_the_largest_plan_is_still_a_message_with_buttons(count: int) -> None:
    many = tuple(
        ResourceChange(f"aws_instance.{'n' * 300}{number}", "aws_instance", Change.CREATE) for number in range(count)
    )
    view = PlanView(HEAD, COMMIT, replace(SUMMARY, changes=many))
    message = views.ask(view, OPEN)
    assert f"{count} to create" in message.text
    assert f" and {count - 2} more" in read(message)
    assert buttons(message) == ["approve", "reject"]


@given(st.lists(st.sampled_from(list(Change)), min_size=1, max_size=40))
def test_the_first_screen_has_at_most_six_lines_and_counts_what_it_does_not_name(kinds: list[Change]) -> None:
    ordered = sorted(kinds, key=list(Change).index)
    changed = tuple(ResourceChange(f"aws_eip.n{number}", "aws_eip", kind) for number, kind in enumerate(ordered))
    sections = [block["text"]["text"] for block in change_views.changes(replace(SUMMARY, changes=changed))]
    lines = sections[0].splitlines()
    assert len(sections) == 1
    assert len(lines) <= 6
    named = len(re.findall("`aws_eip.n", sections[0]))
    listed = sum(int(count) for count in re.findall(r"` and (\d+) more", sections[0]))
    hidden = re.search(r"^and (\d+) more changes?, in the thread$", lines[-1])
    assert named + listed + int(hidden[1] if hidden else 0) == len(changed)


def test_the_table_of_images_shows_ids_that_lead_to_the_console_and_the_thread_their_names() -> None:
    table = next(block for block in views.ask(WITH_IMAGES, OPEN).blocks if block["type"] == "table")
    (link,) = table["rows"][1][1]["elements"][0]["elements"]
    assert (link["type"], link["text"]) == ("link", "ami-0old")
    assert link["url"].endswith("ImageDetails:imageId=ami-0old")
    thread = read(change_views.details(SUMMARY, WITH_IMAGES.images))
    assert "backend: `ami-0old` staging-1 → `ami-0new` staging-2" in thread


def test_what_decides_is_the_first_column_of_the_images() -> None:
    at = datetime(2026, 11, 29, tzinfo=UTC)
    older = ImageChange("backend", Image("ami-0new", "b", at), Image("ami-0old", "a", at - timedelta(days=9)))
    view = replace(WITH_IMAGES, images=(older,), observed_at=at.timestamp() + 7_200)
    table = next(block for block in views.ask(view, OPEN).blocks if block["type"] == "table")
    rows = [["".join(e["text"] for e in cell["elements"][0]["elements"]) for cell in row] for row in table["rows"]]
    assert rows == [
        ["Warning", "Machine", "Current image", "Planned image"],
        ["⚠️ older", "backend", "ami-0new 2 h", "ami-0old 9 d"],
    ]


def test_a_machine_that_the_table_of_images_has_is_not_named_again() -> None:
    pair = ("ami-0old", "ami-0new")
    backend = replace(SUMMARY.changes[1], image=pair)
    two = (backend, replace(backend, address="aws_instance.second"))
    for changed, named in (((backend,), False), (two, True), ((replace(backend, image=("ami-x", "ami-y")),), True)):
        text = read(views.ask(replace(WITH_IMAGES, summary=replace(SUMMARY, changes=changed)), OPEN))
        assert ("aws_instance.backend" in text) is named, changed


def test_details_say_how_many_they_leave_out() -> None:
    many = tuple(ResourceChange(f"aws_eip.n{number}", "aws_eip", Change.CREATE) for number in range(45))
    text = read(change_views.details(replace(SUMMARY, changes=many)))
    assert "and 5 more; the attached plan has all of them" in text
    crowded = tuple(replace(item, attributes=(AttributeChange("x" * 80, "y" * 80, None),) * 20) for item in many)
    text = read(change_views.details(replace(SUMMARY, changes=crowded)))
    assert "… and 8 more differences" in text
    assert "The rest is in the attached plan." in text


def test_a_plan_that_only_changes_outputs_has_details_too() -> None:
    outputs = tuple(AttributeChange(f"address{number}", "a", "b") for number in range(7))
    only = PlanSummary("d" * 64, "Terraform", (), outputs=outputs)
    details = change_views.details(only)
    assert details.text == "The plan in detail: 7 outputs to change"
    assert "`address6`: `a` → `b`" in read(details)
    assert "*Change outputs* `address0`, `address1` and 5 more" in read(views.ask(PlanView(HEAD, COMMIT, only), OPEN))


@given(st.lists(hostile, min_size=1, max_size=5), urls, st.integers(0, 30))
def test_slack_takes_every_state_whatever_is_in_it(pool: list[str], url: str, count: int) -> None:
    view = view_of(pool, url, count)
    addresses = tuple(islice(cycle(pool), count))
    question = views.ask(view, ONE, addresses)
    read(question)
    assert buttons(question) == ["approve", "reject", "revoke-approval"]  # ONE has a vote
    read(change_views.details(view.summary))
    read(views.up_to_date(view))
    read(views.decided(view, replace(OPEN, outcome="expired")))
    read(views.working(view.head, "planning", view.commit))


def test_what_was_decided_elsewhere_says_where_and_by_whom() -> None:
    text = read(views.decided_outside(VIEW, DECIDED_OUTSIDE))
    assert "discarded in HCP Terraform by <max>, nothing was applied" in text
    assert not buttons(views.decided_outside(VIEW, DECIDED_OUTSIDE))


def test_a_plan_that_can_be_looked_at_elsewhere_is_linked_and_its_notes_are_no_warnings() -> None:
    notes = (Diagnostic("note", "Estimated costs: 12 USD"), Diagnostic("warning", "Policies failed: 1 advisory"))
    view = replace(VIEW, summary=replace(SUMMARY, url="https://app.terraform.io/app/a/runs/run-1", warnings=notes))
    message = views.ask(view, OPEN)
    assert "https://app.terraform.io/app/a/runs/run-1" in str(message.blocks)
    assert ":information_source: Estimated costs" in read(message)
    assert ":warning: Policies failed" in read(message)


def test_drift_that_the_code_does_not_contradict_is_told_as_such() -> None:
    drifted = (ResourceChange("aws_instance.web", "aws_instance", Change.UPDATE),)
    quiet = replace(SUMMARY, changes=(), outputs=(), drift=drifted)
    text = read(views.drifted(HEAD, COMMIT, quiet))
    assert "1 resource changed outside of Terraform, as the code allows" in text
    assert "no drift any more" in read(views.drifted(HEAD, COMMIT, replace(quiet, drift=())))


def test_what_is_asked_is_said_before_anything_else() -> None:
    text = read(views.ask(VIEW, OPEN, ["aws_instance.cron"], typed_confirmation="staging"))
    first = text.splitlines()[:2]
    assert first[0].endswith("*#7 Plan for staging*: 1 to destroy, 1 to replace, 1 to change. Waiting for approval")
    assert first[1].startswith(":lock: *Protected, and this plan would lose it:* `aws_instance.cron`.")
    small = "requested by @ana  a1b2c3d Raise the queue's memory (Lee Park)  plan `dddddddddddd` by Terraform 1.11.4"
    assert text.splitlines()[-1] == small


def test_that_nothing_is_destroyed_is_said_too() -> None:
    stored = replace(SUMMARY, changes=SUMMARY.changes[1:])
    assert change_views.counts(stored) == "1 to replace, 1 to change, 0 to destroy"
    only = replace(SUMMARY, changes=(), outputs=(AttributeChange("a", "b", "c"),))
    assert change_views.counts(only) == "1 output to change"


@pytest.mark.parametrize("outcome", ["rejected", "expired", "superseded"])
def test_of_what_was_not_applied_the_numbers_are_left(outcome: str) -> None:
    text = read(views.decided(VIEW, replace(OPEN, outcome=outcome)))
    assert "nothing was applied (1 to destroy, 1 to replace, 1 to change)" in text
    assert "aws_instance" not in text, "the plan is in the thread"


def test_warnings_say_why_and_where_and_how_many_there_are() -> None:
    failed = Diagnostic("warning", "Check failed", "The port\nis closed.\n\nMore.", "main.tf", 9, address="check.port")
    seven = replace(SUMMARY, warnings=(failed,) * 7)
    text = read(views.ask(replace(VIEW, summary=seven), OPEN))
    assert ":warning: Check failed (`check.port`) in `main.tf:9`: The port is closed." in text
    assert "and 5 more warnings, in the thread" in text
    assert read(change_views.details(seven)).count("Check failed") == 7


def test_what_was_changed_outside_of_terraform_is_in_the_thread_with_its_values() -> None:
    by_hand = ResourceChange("aws_eip.a", "aws_eip", Change.UPDATE, (AttributeChange("ip", "10.0.0.1", "10.0.0.2"),))
    text = read(change_views.details(replace(SUMMARY, drift=(by_hand,))))
    assert "*Outside of Terraform:* 1 resource changed\n:large_yellow_circle: *Changed* `aws_eip.a`" in text
    assert "`ip`: `10.0.0.1` → `10.0.0.2`" in text


def test_what_is_new_or_goes_has_one_value() -> None:
    made = ResourceChange("aws_eip.a", "aws_eip", Change.CREATE, (AttributeChange("ip", None, "10.0.0.1"),))
    text = read(change_views.details(replace(SUMMARY, changes=(made,))))
    assert "`ip`: `10.0.0.1`" in text
    assert "(none)" not in text


def test_what_was_too_much_to_compare_is_marked() -> None:
    big = ResourceChange("aws_instance.big", "aws_instance", Change.UPDATE, detailed=False)
    missing = replace(big, address="aws_instance.gone", change=Change.DELETE)
    summary = replace(SUMMARY, changes=(missing, big, *SUMMARY.changes[2:]))
    mark = "\n      _too much to compare here; see the attached plan_"
    thread = read(change_views.details(summary))
    assert f"`aws_instance.big`{mark}" in thread
    assert f"`aws_instance.gone`{mark}" in thread


def test_up_to_date_shows_the_images_that_run() -> None:
    quiet = replace(VIEW, summary=replace(SUMMARY, changes=()), region="us-west-2")
    made = Image("ami-0new", "staging-2", commit="f00dfeed" * 5)
    message = views.up_to_date(quiet, (("backend", made), ("cron", Image("ami-0old"))))
    table = next(block for block in message.blocks if block["type"] == "table")
    text = [[cell["elements"][0]["elements"][0]["text"] for cell in row] for row in table["rows"]]
    assert text == [
        ["Machine", "Current image", "Commit"],
        ["backend", "ami-0new", "f00dfee"],
        ["cron", "ami-0old", " "],
    ]
    assert "up to date, nothing to do (12 resources in place)" in read(message)


def test_it_is_said_why_names_and_ages_are_missing() -> None:
    why = "EC2 does not describe these images"
    assert why not in read(views.ask(WITH_IMAGES, OPEN))
    bare = replace(WITH_IMAGES, images=(ImageChange("backend", Image("ami-0old"), Image("ami-0new")),))
    assert why in read(views.ask(bare, OPEN))
    quiet = replace(VIEW, summary=replace(SUMMARY, changes=()))
    assert why in read(views.up_to_date(quiet, (("backend", Image("ami-0old")),)))
