"""The words of a plan and of its apply: the same counts in both, and what is wrong in the first line."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from handlers.plan import apply_views, change_views, views
from runners.results import ApplyResult, AttributeChange, Change, Diagnostic, PlanSummary, ResourceChange
from tests.unit.bot.drawn import read
from tests.unit.bot.plans import GIVEN, SUMMARY, VIEW

FAILED = Diagnostic("warning", "Check block assertion failed", "The page is down.", "main.tf", 9)
DEPRECATED = Diagnostic("warning", "Argument is deprecated", "Use another.")


def summary(*kinds: Change, **more: Any) -> PlanSummary:
    changes = tuple(ResourceChange(f"aws_eip.n{number}", "aws_eip", kind) for number, kind in enumerate(kinds))
    return replace(SUMMARY, changes=changes, outputs=(), drift=(), **more)


def first_line(text: str) -> str:
    return text.splitlines()[0]


def test_nothing_to_do_is_no_success_where_a_check_fails_or_something_is_left() -> None:
    wrong = summary(failed_checks=1, deferred=2, warnings=(FAILED,), resources=3)
    text = read(views.up_to_date(replace(VIEW, summary=wrong)))
    assert first_line(text).startswith(":warning:")
    assert "nothing to do, but 1 check fails and 2 changes left for a later plan (3 resources in place)" in text
    assert "The page is down." in text
    fine = read(views.up_to_date(replace(VIEW, summary=summary(resources=3, warnings=(DEPRECATED,)))))
    assert first_line(fine).startswith(":white_check_mark:")
    assert "Argument is deprecated" in fine


def test_the_first_line_counts_imports_moves_outputs_actions_and_failed_checks() -> None:
    changes = (
        ResourceChange("aws_eip.a", "aws_eip", Change.UPDATE, imported=True, previous_address="aws_eip.b"),
        ResourceChange("aws_eip.c", "aws_eip", Change.REPLACE_KEEPING_OLD),
    )
    outputs = tuple(AttributeChange(path, "1", "2") for path in ("urls[0]", "urls[1]", "name", "map.a.b"))
    plan = replace(SUMMARY, changes=changes, outputs=outputs, actions=1, failed_checks=2)
    assert change_views.counts(plan) == (
        "1 to replace and keep the old one, 1 to change, 1 to move, 1 to import, 0 to destroy, 3 outputs to change, "
        "1 action to run, 2 checks fail"
    )
    assert change_views.counts(summary(applyable=True)) == "only Terraform's state to update"


def test_what_is_known_only_after_the_apply_is_drawn() -> None:
    change = ResourceChange(
        "aws_eip.a", "aws_eip", Change.UPDATE, (AttributeChange("ip", "10.0.0.1", "(known after apply)"),)
    )
    assert "`ip`: `10.0.0.1` → `(known after apply)`" in read(change_views.details(replace(SUMMARY, changes=(change,))))


def test_an_apply_counts_in_the_words_of_its_plan() -> None:
    plan = summary(
        Change.REPLACE, Change.REPLACE, Change.REPLACE_KEEPING_OLD, Change.FORGET, Change.CREATE, Change.UPDATE
    )
    result = ApplyResult(True, 4, 1, 2, replaced=2, imported=1)
    text = read(apply_views.applied(replace(VIEW, summary=plan), GIVEN, result))
    assert (
        "applied, 2 replaced, 1 replaced and the old one kept, 1 forgotten, 1 changed, 1 created, 1 imported, 0 destroyed"
        in (text)
    )


def test_an_import_alone_is_not_nothing() -> None:
    text = read(
        apply_views.applied(
            replace(VIEW, summary=summary(Change.IMPORT)), GIVEN, ApplyResult(True, 0, 0, 0, imported=1)
        )
    )
    assert "applied, 1 imported, 0 destroyed" in text


def test_a_check_that_fails_after_the_apply_is_in_the_first_line_and_one_that_passes_then_is_gone() -> None:
    plan = summary(Change.UPDATE, failed_checks=1, warnings=(FAILED, DEPRECATED))
    view = replace(VIEW, summary=plan)
    failed = ApplyResult(True, 0, 1, 0, failed_checks=1, warnings=(FAILED, DEPRECATED))
    text = read(apply_views.applied(view, GIVEN, failed))
    assert first_line(text).startswith(":warning:")
    assert "1 check fails" in first_line(text)
    assert (text.count("The page is down."), text.count("Argument is deprecated")) == (1, 1)
    assert "*Changed*" in text
    passed = read(apply_views.applied(view, GIVEN, replace(failed, failed_checks=0, warnings=())))
    assert first_line(passed).startswith(":white_check_mark:")
    assert "The page is down." not in passed
    assert "Argument is deprecated" in passed
