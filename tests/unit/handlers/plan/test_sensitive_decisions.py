"""What is decided, counted and recorded of a plan is the same whatever Terraform marks sensitive."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, strategies as st

from bot.config import read
from handlers.plan import views
from handlers.plan.settings import needs_typed_confirmation, protected_losses
from handlers.plan.views import PlanView
from runners.aws import amis
from runners.terraform.summary import read_plan
from tests.plan_corpus import Case, corpus
from tests.unit.bot.plans import COMMIT, HEAD, OPEN
from tests.unit.handlers.conftest import FILE

if TYPE_CHECKING:
    from runners.results import PlanSummary

_TERRAFORM = "{directory: instances/staging, "
ENVIRONMENT = read(
    FILE.replace(_TERRAFORM, f"{_TERRAFORM}protected: [terraform_data], confirm_above: 2, ")
).environments["staging"]
PLANS = [case for case in corpus() if "-refresh-only" not in case.options and case.plan.get("resource_changes")]


def summary_of(case: Case, plan: dict[str, Any]) -> PlanSummary:
    return read_plan(
        plan,
        digest="d",
        program=case.program,
        partial="-target" in " ".join(case.options),
        changed=case.exit_code == 2,
    )


def decisions(summary: PlanSummary) -> dict[str, Any]:
    """All that guards, counts or records reads, and what the message's first line says."""
    return {
        "changes": [
            (change.address, change.type, change.change, change.previous_address, change.image, change.imported)
            for change in summary.changes
        ],
        "images": (amis.rolled_out(summary, ["r0", "r1"]), amis.running(summary, ["r0"]), summary.images),
        "protected": protected_losses(ENVIRONMENT, summary),
        "typed": needs_typed_confirmation(ENVIRONMENT, summary),
        "counts": (summary.resources, summary.failed_checks, summary.deferred, summary.actions, summary.applyable),
        "first line": views.ask(PlanView(HEAD, COMMIT, summary), OPEN).text,
    }


@pytest.mark.parametrize("case", PLANS, ids=lambda case: f"{case.program}-{case.seed}")
def test_marks_change_no_decision(case: Case) -> None:
    without, marked = copy.deepcopy(case.plan), copy.deepcopy(case.plan)
    for plan, mark in ((without, False), (marked, True)):
        for resource in (*plan.get("resource_changes", ()), *plan.get("resource_drift", ())):
            resource["change"] |= {"before_sensitive": mark, "after_sensitive": mark}
        for output in plan.get("output_changes", {}).values():
            output |= {"before_sensitive": mark, "after_sensitive": mark}
    assert decisions(summary_of(case, marked)) == decisions(summary_of(case, without))


def words_of(value: Any) -> list[str]:
    """Every key and text in it, and the parts of addresses."""
    if isinstance(value, dict):
        return [word for key, entry in value.items() for word in (key, *words_of(entry))]
    if isinstance(value, list):
        return [word for entry in value for word in words_of(entry)]
    return [value, *value.split(".")] if isinstance(value, str) else []


@given(case=st.sampled_from(PLANS), data=st.data())
def test_no_word_of_a_plan_that_is_sensitive_changes_a_decision(case: Case, data: st.DataObject) -> None:
    words = data.draw(st.lists(st.sampled_from(sorted(set(words_of(case.plan)))), min_size=1, max_size=8, unique=True))
    plan = copy.deepcopy(case.plan)
    plan.setdefault("variables", {})["words"] = {"value": words}
    root = plan.setdefault("configuration", {}).setdefault("root_module", {})
    root.setdefault("variables", {})["words"] = {"sensitive": True}
    assert decisions(summary_of(case, plan)) == decisions(summary_of(case, case.plan))
