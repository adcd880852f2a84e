"""Plans in Terraform's JSON, also in shapes that no built-in resource produces."""

from __future__ import annotations

from typing import Any

import pytest

from runners.errors import RunnerError
from runners.results import Change, Diagnostic
from runners.terraform.summary import ACTIONS, REASONS, read_plan
from tests.unit.runners.terraform.plan_documents import only_change, read, resource


@pytest.mark.parametrize(
    ("actions", "change"), [(list(actions), change) for actions, change in ACTIONS.items()], ids=map(str, ACTIONS)
)
def test_each_action_is_counted(actions: list[str], change: Change) -> None:
    summary = read(resource(actions, {"a": 1}, {"a": 2}))
    assert [resource_change.change for resource_change in summary.changes] == [change]
    assert summary.count(change) == 1
    assert not summary.up_to_date


def test_what_stays_as_it_is_is_no_change() -> None:
    summary = read(resource(["no-op"], {"a": 1}, {"a": 1}), output_changes={"o": {"actions": ["no-op"]}})
    assert summary.up_to_date


def test_an_empty_plan_is_up_to_date() -> None:
    assert read_plan({"format_version": "1.2"}, digest="d", program="p").up_to_date


def test_moves_and_imports_are_changes_though_nothing_is_done() -> None:
    moved = resource(["no-op"], previous_address="aws_instance.old")
    imported = resource(["no-op"], importing={"id": "i-0123"}, address="aws_instance.found")
    changes = read(moved, imported).changes
    assert [(change.change, change.previous_address, change.reason) for change in changes] == [
        (Change.MOVE, "aws_instance.old", None),
        (Change.IMPORT, None, "imported from i-0123"),
    ]


def test_an_imported_resource_that_also_changes_is_a_change() -> None:
    change = only_change(resource(["update"], {"a": 1}, {"a": 2}, importing={"id": "i-0123"}))
    assert (change.change, change.reason) == (Change.UPDATE, "imported from i-0123")


def test_worst_comes_first() -> None:
    orders = [["create"], ["update"], ["read"], ["delete"], ["forget"], ["delete", "create"]]
    changes = read(*(resource(order, {"a": 1}, {"a": 2}) for order in orders)).changes
    assert [change.change for change in changes] == [
        Change.DELETE,
        Change.REPLACE,
        Change.FORGET,
        Change.UPDATE,
        Change.CREATE,
        Change.READ,
    ]


def test_both_orders_of_a_replacement_are_told_apart() -> None:
    assert only_change(resource(["delete", "create"])).reason is None
    assert only_change(resource(["create", "delete"])).reason == "the new one is made before the old one goes"
    assert only_change(resource(["create", "forget"])).reason is None


@pytest.mark.parametrize("reason", REASONS)
def test_reasons_are_words(reason: str) -> None:
    text = only_change(resource(["delete"], {"a": 1}, action_reason=reason)).reason
    assert text
    assert "because" not in text


def test_a_reason_of_a_later_version_is_still_readable() -> None:
    assert (
        only_change(resource(["delete"], action_reason="delete_because_moon_is_full")).reason
        == "delete because moon is full"
    )


def test_a_deposed_object_says_what_it_is() -> None:
    assert only_change(resource(["delete"], {"a": 1}, deposed="1a2b")).reason == "left over from an earlier replacement"


def test_a_resource_in_a_module_keeps_its_whole_address() -> None:
    assert only_change(resource(["delete"], address='module.m[0].aws_instance.web["a"]')).address == (
        'module.m[0].aws_instance.web["a"]'
    )


def test_outputs_that_change_are_shown() -> None:
    changes = {
        "b": {"actions": ["update"], "before": {"x": 1, "y": 1}, "after": {"x": 2, "y": 1}, "after_unknown": False},
        "a": {"actions": ["create"], "before": None, "after_unknown": True},
        "deleted": {"actions": ["delete"], "before": "old", "after": None},
        "null": {"actions": ["create"], "before": None, "after": None, "after_unknown": False},
        "marked": {
            "actions": ["update"],
            "before": "s",
            "after": "s",
            "before_sensitive": False,
            "after_sensitive": True,
        },
    }
    summary = read(output_changes=changes)
    assert [(output.path, output.before, output.after) for output in summary.outputs] == [
        ("a", None, "(known after apply)"),
        ("b.x", "1", "2"),
        ("deleted", "old", None),
        ("marked", "s", "(sensitive)"),
        ("null", None, None),
    ]
    assert not summary.up_to_date


def test_drift_alone_is_up_to_date() -> None:
    drift = [resource(["update"], {"a": 1}, {"a": 2}), resource(["delete"], {"a": 1}, address="aws_instance.old")]
    summary = read(resource_drift=drift)
    assert summary.up_to_date
    assert [(change.address, change.change) for change in summary.drift] == [
        ("aws_instance.old", Change.DELETE),
        ("aws_instance.web", Change.UPDATE),
    ]


def test_managed_resources_are_counted_through_modules_without_data() -> None:
    module = {
        "resources": [{"mode": "managed"}, {"mode": "data"}],
        "child_modules": [{"resources": [{"mode": "managed"}]}],
    }
    assert read(planned_values={"root_module": module}).resources == 2


def test_what_is_left_for_later_is_a_warning() -> None:
    deferred = [{"reason": "resource_config_unknown", "resource_change": resource(["create"])}]
    summary = read(deferred_changes=deferred, action_invocations=[{"address": "action.aws_lambda_invoke.x"}])
    assert [(warning.summary, warning.address) for warning in summary.warnings] == [
        ("Left for a later plan", "aws_instance.web"),
        ("The apply also runs an action", "action.aws_lambda_invoke.x"),
    ]


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"errored": True}, "only a part of the plan"),
        ({"errored": True, "applyable": False, "complete": False}, "only a part of the plan"),
        ({"complete": False}, "not complete"),
        ({"applyable": False}, "cannot be applied"),
    ],
)
def test_a_plan_that_terraform_itself_disowns_is_never_shown(fields: dict[str, Any], problem: str) -> None:
    with pytest.raises(RunnerError, match=problem) as caught:
        read(resource(["update"], {"a": 1}, {"a": 2}), **fields)
    assert caught.value.remedy


def test_a_plan_of_some_resources_or_with_some_left_for_later_is_not_complete_and_that_is_fine() -> None:
    created = resource(["create"])
    deferred = [{"reason": "absent_prereq", "resource_change": created}]
    assert read(created, complete=False, deferred_changes=deferred).changes
    assert read_plan(
        {"format_version": "1.2", "resource_changes": [created], "complete": False}, digest="", program="", partial=True
    ).changes


def test_nothing_to_apply_is_no_fault() -> None:
    assert read(resource(["no-op"], {"a": 1}, {"a": 1}), applyable=False, complete=True, errored=False).up_to_date


def test_what_opentofu_does_not_say_is_not_missed() -> None:
    tofu = {"format_version": "1.2", "terraform_version": "1.9.0", "resource_changes": [resource(["create"])]}
    assert len(read_plan(tofu, digest="d", program="tofu 1.9.0").changes) == 1


def check(status: str, *messages: str) -> dict[str, Any]:
    instance = {
        "address": {"to_display": "check.health"},
        "status": status,
        "problems": [{"message": message} for message in messages],
    }
    return {"address": {"kind": "check", "name": "health"}, "status": status, "instances": [instance]}


def test_failed_checks_are_warnings_once_each() -> None:
    printed = Diagnostic("warning", "Check block assertion failed", "It is down.", line=5)
    checks = [check("fail", "It is down.", "It is slow."), check("error"), check("pass", "x"), check("unknown", "y")]
    summary = read_plan({"format_version": "1.2", "checks": checks}, digest="d", program="p", warnings=[printed])
    assert [(warning.summary, warning.detail, warning.address) for warning in summary.warnings] == [
        ("Check block assertion failed", "It is down.", None),
        ("Check failed", "It is slow.", "check.health"),
        ("Check could not be made", "", "check.health"),
    ]


def test_nulls_where_terraform_leaves_lists_empty() -> None:
    names = ("resource_changes", "resource_drift", "deferred_changes", "output_changes", "checks", "variables")
    assert read_plan({"format_version": "1.0", **dict.fromkeys(names)}, digest="d", program="p").up_to_date
    bare = {"address": "a.b", "change": {"actions": ["create"], "replace_paths": None, "importing": None}}
    assert read(bare).changes[0].change is Change.CREATE


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b"Error: no", b'{"resource_changes": 5}', b'{"errored": "yes"}'])
def test_what_is_no_plan_is_told(text: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        read_plan(text, digest="d", program="p")


def state_of(*resources: dict[str, Any]) -> dict[str, Any]:
    inside = {"child_modules": [{"resources": list(resources)}]}
    return {"planned_values": {"root_module": inside}}


def test_a_plan_with_nothing_to_do_tells_which_images_run() -> None:
    web = {
        "address": "module.a.aws_instance.web",
        "mode": "managed",
        "values": {"id": "i-1", "ami": "ami-0123456789abcdef0"},
    }
    queue = {"address": "aws_sqs_queue.q", "mode": "managed", "values": {"name": "like ami-0123456789abcdef0"}}
    looked_up = {"address": "data.aws_ami.new", "mode": "data", "values": {"id": "ami-0fedcba9876543210"}}
    summary = read(**state_of(web, queue, looked_up))
    assert summary.images == (("module.a.aws_instance.web", "ami-0123456789abcdef0"),)
    assert summary.resources == 2
    assert not read(resource(["create"], None, {"a": 1}), **state_of(web)).images, "they are about to change"
