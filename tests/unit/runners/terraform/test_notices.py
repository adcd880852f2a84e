"""What a plan says beside its changes, and what is refused because this version does not know it."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, strategies as st

from runners.errors import RunnerError
from runners.results import Change
from runners.terraform.apply_progress import ApplyCounter
from runners.terraform.summary import ACTIONS, read_plan
from tests.unit.runners.terraform.plan_documents import only_change, read, resource

WORDS = st.sampled_from(["create", "update", "delete", "forget", "read", "no-op", "open", "renew", "adopt", ""])


@given(st.lists(WORDS, max_size=3))
def test_an_action_is_in_the_table_or_the_plan_is_refused_by_its_name(actions: list[str]) -> None:
    plan = {"address": "aws_eip.a", "type": "aws_eip", "change": {"actions": actions}}
    accepted = tuple(actions) in ACTIONS or actions == ["no-op"]
    for place in ("resource_changes", "resource_drift"):
        document = {"format_version": "1.2", place: [plan]}
        if accepted:
            read_plan(document, digest="d", program="p")
            continue
        with pytest.raises(RunnerError, match=r"does not know: .*\(of aws_eip\.a\)") as error:
            read_plan(document, digest="d", program="p")
        assert ", ".join(actions) in error.value.problem
        assert "Update Signalbox" in error.value.remedy


@pytest.mark.parametrize("version", ["0.2", "2.0", "", "10.1"])
def test_another_major_format_is_refused(version: str) -> None:
    with pytest.raises(RunnerError, match="reads format 1"):
        read_plan({"format_version": version}, digest="d", program="p")


@pytest.mark.parametrize("actions", [["create", "forget"], ["forget", "create"]], ids=["Terraform", "OpenTofu"])
def test_a_replacement_that_keeps_the_old_object_is_no_destruction(actions: list[str]) -> None:
    change = only_change(resource(actions, {"a": 1}, {"a": 2}))
    assert change.change is Change.REPLACE_KEEPING_OLD
    assert read(resource(actions)).count(Change.REPLACE) == 0


@pytest.mark.parametrize(
    ("applyable", "changed", "lists"),
    [(False, True, False), (True, False, False), (None, False, True), (False, None, True)],
)
def test_a_plan_that_contradicts_terraform_is_refused(
    applyable: bool | None, changed: bool | None, lists: bool
) -> None:
    document = {
        "format_version": "1.2",
        "applyable": applyable,
        "resource_changes": [resource(["create"])] if lists else [],
    }
    with pytest.raises(RunnerError, match="Terraform says"):
        read_plan(document, digest="d", program="p", changed=changed)


def test_a_change_of_the_state_that_no_list_shows_is_not_up_to_date() -> None:
    # A data source that is no longer in the code: it is removed from the state, and the JSON does not list it.
    assert not read_plan({"format_version": "1.2", "applyable": True}, digest="d", program="p", changed=True).up_to_date
    assert read_plan({"format_version": "1.2", "applyable": False}, digest="d", program="p", changed=False).up_to_date


def test_checks_come_first_then_what_is_left_then_actions_and_an_unknown_outcome_is_a_failure() -> None:
    checks = [
        {"instances": [{"status": status, "address": {"to_display": f"check.{status}"}}]}
        for status in ("pass", "unknown", "fail", "error", "skipped")
    ]
    summary = read(
        checks=checks,
        deferred_changes=[{"reason": "absent_prereq", "resource_change": resource(["create"])}],
        deferred_action_invocations=[{"reason": "of_next_year", "action_invocation": {"address": "action.x.late"}}],
        action_invocations=[
            {
                "address": "action.x.now",
                "lifecycle_action_trigger": {
                    "triggering_resource_address": "aws_eip.a",
                    "action_trigger_event": "AfterCreate",
                },
            }
        ],
    )
    assert (summary.failed_checks, summary.deferred, summary.actions, summary.up_to_date) == (3, 2, 1, False)
    assert [warning.address for warning in summary.warnings] == [
        "check.fail",
        "check.error",
        "check.skipped",
        "aws_instance.web",
        "action.x.late",
        "action.x.now",
    ]
    assert '"skipped"' in summary.warnings[2].summary
    assert "does not exist yet" in summary.warnings[3].detail
    assert "of next year" in summary.warnings[4].detail
    assert summary.warnings[5].detail == "after create of aws_eip.a"


def test_events_and_actions_of_an_apply_that_are_not_known_are_named() -> None:
    counter = ApplyCounter()
    address = {"resource": {"addr": "aws_eip.a"}}
    for message in (
        {"type": "apply_start", "hook": address},
        {"type": "apply_complete", "hook": {"action": "teleport", **address}},
        {"type": "action_complete", "hook": {}},
    ):
        counter.take(json.dumps(message))
    assert counter.actions == 1
    assert counter.unknown
    assert "teleport" in counter.unknown.detail
    counter.take('{"type": "apply_paused"}')
    assert "apply_paused" in counter.unknown.detail
