"""Some three hundred plans of real terraform: what is counted is what Terraform counts, and nothing that it says is lost."""

from __future__ import annotations

import json
from collections import Counter
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest

from runners.results import Change, Diagnostic
from runners.terraform import errors as terraform_errors
from runners.terraform.apply_progress import ApplyCounter
from runners.terraform.summary import read_plan
from tests.plan_corpus import Case, corpus

if TYPE_CHECKING:
    from collections.abc import Iterable

    from runners.results import PlanSummary

# Signalbox makes no refresh-only plans; those in the corpus are for the drawing of drift.
PLANS = [case for case in corpus() if "-refresh-only" not in case.options]
CASES = pytest.mark.parametrize("case", PLANS, ids=lambda case: f"{case.program}-{case.seed}")
# Terraform's own names of actions in `plan -json`: internal/command/views/json/change.go.
ACTIONS = {
    Change.DELETE: "delete",
    Change.REPLACE: "replace",
    Change.FORGET: "remove",
    Change.UPDATE: "update",
    Change.CREATE: "create",
    Change.READ: "read",
}


@cache
def summary_of(seed: int) -> PlanSummary:
    (case,) = (case for case in corpus() if case.seed == seed)
    return read_plan(
        case.plan,
        digest="d",
        program=case.program,
        warnings=printed(case.printed),
        partial="-target" in " ".join(case.options),
        changed=case.exit_code == 2,
    )


def printed(messages: Iterable[dict[str, Any]]) -> list[Diagnostic]:
    diagnostics = [terraform_errors.from_json(message["diagnostic"]) for message in of_type(messages, "diagnostic")]
    return terraform_errors.distinct(diagnostics)


def of_type(messages: Iterable[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [message for message in messages if message["type"] == kind]


def test_the_corpus_has_what_plans_may_have() -> None:
    kinds = Counter(resource.change for case in PLANS for resource in summary_of(case.seed).changes)
    assert len(PLANS) >= 250
    assert all(kinds[change] >= 10 for change in (*ACTIONS, Change.MOVE, Change.IMPORT)), kinds
    assert len({case.program for case in corpus()}) == 2


@CASES
def test_resources_are_counted_as_terraform_counts_them(case: Case) -> None:
    summary = summary_of(case.seed)
    created = sum(map(summary.count, (Change.CREATE, Change.REPLACE, Change.REPLACE_KEEPING_OLD)))
    counted = {
        "import": summary.count(Change.IMPORT),
        "add": created,
        "change": summary.count(Change.UPDATE),
        "destroy": summary.count(Change.DELETE) + summary.count(Change.REPLACE),
    }
    assert {verb: number for verb, number in counted.items() if number} == {
        verb: number for verb, number in case.numbers.items() if number
    }


@CASES
def test_every_planned_change_is_in_the_summary(case: Case) -> None:
    summary = summary_of(case.seed)
    planned = [message["change"] for message in of_type(case.printed, "planned_change")]
    expected = Counter((change["resource"]["addr"], change["action"]) for change in planned)
    listed = Counter(
        (resource.address, ACTIONS.get(resource.change, resource.change.value)) for resource in summary.changes
    )
    assert listed == expected
    assert summary.count(Change.MOVE) == sum("previous_resource" in change for change in planned)
    assert summary.count(Change.IMPORT) == sum("importing" in change for change in planned)


@CASES
def test_outputs_are_counted_by_output(case: Case) -> None:
    outputs = [output for message in of_type(case.printed, "outputs") for output in message["outputs"].values()]
    assert summary_of(case.seed).changed_outputs == sum(output.get("action", "noop") != "noop" for output in outputs)


@CASES
def test_up_to_date_is_what_terraform_calls_no_changes(case: Case) -> None:
    assert summary_of(case.seed).up_to_date == case.headline.startswith("No changes.")
    assert summary_of(case.seed).up_to_date == (case.exit_code == 0)


@CASES
def test_every_warning_and_failed_check_is_in_the_summary_and_failed_checks_come_first(case: Case) -> None:
    summary = summary_of(case.seed)
    for diagnostic in printed(case.printed):
        assert diagnostic in [*summary.warnings], diagnostic
    failed = Counter(
        instance["status"] for check in case.plan.get("checks", ()) for instance in check.get("instances", ())
    )
    assert summary.failed_checks == failed["fail"] + failed["error"]
    first = [warning.summary for warning in summary.warnings[: summary.failed_checks]]
    assert set(first) <= {"Check block assertion failed", "Check failed", "Check could not be made"}


def miscounted(case: Case) -> bool:
    """Whether Terraform's apply counted fewer objects than its plan.

    It forgets one when it deletes a deposed object and the present one of the same address at the same moment.
    """
    planned, done = (of_type(messages, "change_summary")[0]["changes"] for messages in (case.printed, case.applied))
    deposed = {change["address"] for change in case.plan.get("resource_changes", ()) if "deposed" in change}
    return bool(deposed) and planned["remove"] > done["remove"]


APPLIED = pytest.mark.parametrize(
    "case",
    [case for case in PLANS if not case.apply_exit_code and not miscounted(case)],
    ids=lambda case: f"{case.program}-{case.seed}",
)


@APPLIED
def test_an_apply_counts_what_its_plan_counted_and_what_terraform_counts(case: Case) -> None:
    summary, counter = summary_of(case.seed), counted(case)
    created = summary.count(Change.CREATE) + summary.count(Change.REPLACE_KEEPING_OLD)
    assert counter.replaced == summary.count(Change.REPLACE)
    assert counter.added - counter.replaced == created
    assert counter.changed == summary.count(Change.UPDATE)
    assert counter.destroyed - counter.replaced == summary.count(Change.DELETE)
    assert counter.imported == summary.count(Change.IMPORT)
    (changes,) = (message["changes"] for message in of_type(case.applied, "change_summary") if message["changes"])
    assert (counter.added, counter.changed, counter.destroyed) == (changes["add"], changes["change"], changes["remove"])
    assert counter.unknown is None


@APPLIED
def test_an_apply_without_its_last_lines_counts_the_same(case: Case) -> None:
    whole, cut = counted(case), ApplyCounter()
    for message in case.applied:
        if message["type"] not in ("change_summary", "outputs"):
            cut.take(json.dumps(message))
    assert (cut.added, cut.changed, cut.destroyed) == (whole.added, whole.changed, whole.destroyed)
    assert (cut.under_way, cut.remaining) == ((), ())


def counted(case: Case) -> ApplyCounter:
    counter = ApplyCounter()
    for message in case.applied:
        counter.take(json.dumps(message))
    return counter
