"""Plans in Terraform's JSON, down to the shapes that no built-in resource can be brought to make."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, strategies as st

from runners.errors import RunnerError
from runners.results import Change, Diagnostic, PlanSummary, ResourceChange
from runners.terraform.summary import ACTIONS, REASONS, TOO_LONG, read_plan, sensitive_values
from runners.terraform.values import Masker

SECRET = "correct-horse-battery"


def resource(actions: list[str], before: Any = None, after: Any = None, **more: Any) -> dict[str, Any]:
    keys = ("address", "mode", "previous_address", "action_reason", "deposed")
    outer = {"address": "aws_instance.web", "mode": "managed", **{key: more.pop(key) for key in keys if key in more}}
    kind = outer["address"].split(".")[-2]
    change = {"actions": actions, "before": before, "after": after, "after_unknown": {}, **more}
    return {**outer, "type": kind, "name": "web", "change": change}


def read(*resources: dict[str, Any], **more: Any) -> PlanSummary:
    return read_plan({"resource_changes": list(resources), **more}, digest="d", program="terraform 1.11.4")


def only(item: dict[str, Any], **more: Any) -> ResourceChange:
    (change,) = read(item, **more).changes
    return change


def rows(item: ResourceChange) -> list[tuple[str, str | None, str | None]]:
    return [(each.path, each.before, each.after) for each in item.attributes]


@pytest.mark.parametrize(
    ("actions", "change"), [(list(actions), change) for actions, change in ACTIONS.items()], ids=map(str, ACTIONS)
)
def test_each_action_is_counted(actions: list[str], change: Change) -> None:
    summary = read(resource(actions, {"a": 1}, {"a": 2}))
    assert [item.change for item in summary.changes] == [change]
    assert summary.count(change) == 1
    assert not summary.up_to_date


def test_what_stays_as_it_is_is_no_change() -> None:
    summary = read(resource(["no-op"], {"a": 1}, {"a": 1}), output_changes={"o": {"actions": ["no-op"]}})
    assert summary.up_to_date


def test_an_empty_plan_is_up_to_date() -> None:
    assert read_plan({}, digest="d", program="p").up_to_date


def test_moves_and_imports_are_changes_though_nothing_is_done() -> None:
    moved = resource(["no-op"], previous_address="aws_instance.old")
    imported = resource(["no-op"], importing={"id": "i-0123"}, address="aws_instance.found")
    result = read(moved, imported).changes
    assert [(item.change, item.previous_address, item.reason) for item in result] == [
        (Change.MOVE, "aws_instance.old", None),
        (Change.IMPORT, None, "imported from i-0123"),
    ]


def test_an_imported_resource_that_also_changes_is_a_change() -> None:
    item = only(resource(["update"], {"a": 1}, {"a": 2}, importing={"id": "i-0123"}))
    assert (item.change, item.reason) == (Change.UPDATE, "imported from i-0123")


def test_worst_comes_first() -> None:
    orders = [["create"], ["update"], ["read"], ["delete"], ["forget"], ["delete", "create"]]
    result = read(*(resource(order, {"a": 1}, {"a": 2}) for order in orders)).changes
    assert [item.change for item in result] == [
        Change.DELETE,
        Change.REPLACE,
        Change.FORGET,
        Change.UPDATE,
        Change.CREATE,
        Change.READ,
    ]


def test_both_orders_of_a_replacement_are_told_apart() -> None:
    assert only(resource(["delete", "create"])).reason is None
    assert only(resource(["create", "delete"])).reason == "the new one is made before the old one goes"
    assert only(resource(["create", "forget"])).reason == "the old one stays, but Terraform forgets it"


@pytest.mark.parametrize("reason", REASONS)
def test_reasons_are_words(reason: str) -> None:
    rendered = only(resource(["delete"], {"a": 1}, action_reason=reason)).reason
    assert rendered
    assert "because" not in rendered


def test_a_reason_of_a_later_version_is_still_readable() -> None:
    assert (
        only(resource(["delete"], action_reason="delete_because_moon_is_full")).reason == "delete because moon is full"
    )


def test_a_deposed_object_says_what_it_is() -> None:
    assert only(resource(["delete"], {"a": 1}, deposed="1a2b")).reason == "left over from an earlier replacement"


def test_a_resource_in_a_module_keeps_its_whole_address() -> None:
    assert only(resource(["delete"], address='module.m[0].aws_instance.web["a"]')).address == (
        'module.m[0].aws_instance.web["a"]'
    )


def test_nested_attributes_are_followed_to_what_differs() -> None:
    before = {"tags": {"Name": "old", "env": "prod"}, "ebs": [{"size": 8}, {"size": 9}], "list": [1, 2], "x.y": 1}
    after = {"tags": {"Name": "new", "env": "prod"}, "ebs": [{"size": 8}, {"size": 10}], "list": [1, 3], "x.y": None}
    assert rows(only(resource(["update"], before, after))) == [
        ("tags.Name", "old", "new"),
        ("ebs[1].size", "9", "10"),
        ("list", "[1, 2]", "[1, 3]"),
        ('["x.y"]', "1", None),
    ]


def test_an_element_put_before_others_of_a_set_shows_alone() -> None:
    before, after = {"rule": [{"port": 80}, {"port": 443}]}, {"rule": [{"port": 22}, {"port": 80}, {"port": 443}]}
    assert rows(only(resource(["update"], before, after))) == [("rule[0]", None, '{"port": 22}')]


def test_json_kept_as_text_is_followed_too() -> None:
    before = {"policy": '{"Statement": [{"Action": "s3:Get*", "Effect": "Allow"}]}'}
    after = {"policy": '{"Statement":[{"Action":"s3:*","Effect":"Allow"}]}'}
    assert rows(only(resource(["update"], before, after))) == [("policy.Statement[0].Action", "s3:Get*", "s3:*")]


def test_values_read_as_people_write_them() -> None:
    before = {"a": True, "b": "", "c": 1.5, "d": None}
    after = {"a": False, "b": "x", "c": 2, "d": "new"}
    assert rows(only(resource(["update"], before, after))) == [
        ("a", "true", "false"),
        ("b", '""', "x"),
        ("c", "1.5", "2"),
        ("d", None, "new"),
    ]


def test_true_is_not_one() -> None:
    assert rows(only(resource(["update"], {"a": 1}, {"a": True}))) == [("a", "1", "true")]


def test_a_new_resource_shows_what_is_set_and_then_what_is_not_known_yet() -> None:
    after: dict[str, Any] = {"ami": "ami-1", "tags": {}, "list": [], "none": None}
    item = only(resource(["create"], None, after, after_unknown={"arn": True, "tags": {}}))
    assert rows(item) == [("ami", None, "ami-1"), ("arn", None, "(known after apply)")]


def test_unknown_parts_inside_a_value() -> None:
    unknown = {"block": [{"id": True, "size": False}], "map": {"k": True}}
    item = only(
        resource(["update"], {"block": [{"id": "a", "size": 1}]}, {"block": [{"size": 1}]}, after_unknown=unknown)
    )
    assert rows(item) == [("block[0].id", "a", "(known after apply)"), ("map.k", None, "(known after apply)")]


@pytest.mark.parametrize(
    ("paths", "forcing"),
    [
        ([["ami"]], {"ami"}),
        ([["disk", 0, "size"]], {"disk[0].size"}),
        ([["disk"]], {"disk[0].size"}),
        ([["ami"], ["disk", 0]], {"ami", "disk[0].size"}),
        ([], set()),
    ],
)
def test_what_forces_the_replacement_is_marked_and_comes_first(paths: list[Any], forcing: set[str]) -> None:
    before, after = {"a": 1, "ami": "x", "disk": [{"size": 1}]}, {"a": 2, "ami": "y", "disk": [{"size": 2}]}
    item = only(resource(["delete", "create"], before, after, replace_paths=paths))
    assert {each.path for each in item.attributes if each.forces_replacement} == forcing
    assert {each.path for each in item.attributes[: len(forcing)]} == forcing


def test_long_values_show_where_they_differ() -> None:
    start = "#!/bin/sh\n" + "echo same\n" * 500
    item = only(
        resource(["update"], {"user_data": start + "old" + "z" * 900}, {"user_data": start + "new" + "z" * 900})
    )
    (_, before, after), *_ = rows(item)
    assert before
    assert after
    assert "same\nold" in before
    assert "same\nnew" in after
    assert max(len(before), len(after)) < 410


@pytest.mark.parametrize(
    ("value", "marks"),
    [
        ({"p": SECRET}, True),
        ({"p": SECRET}, {"p": True}),
        ({"p": {"q": [1, {"r": SECRET}]}}, {"p": {"q": [False, {"r": True}]}}),
        ({"p": [SECRET]}, {"p": True}),
        ({"p": {"deep": {"er": SECRET}}}, {"p": True}),
    ],
)
def test_what_is_marked_is_masked_however_deep(value: Any, marks: Any) -> None:
    for item in (
        resource(["create"], None, value, after_sensitive=marks),
        resource(["delete"], value, None, before_sensitive=marks),
        resource(["update"], {"p": "other-secret"}, value, before_sensitive={"p": True}, after_sensitive=marks),
    ):
        document = {"resource_changes": [item]}
        assert SECRET in sensitive_values(document)
        summary = read_plan(document, digest="d", program="p")
        assert SECRET not in repr(summary)
        assert "(sensitive)" in repr(summary)


def test_a_changed_secret_shows_as_changed() -> None:
    marks = {"before_sensitive": {"p": True}, "after_sensitive": {"p": True}}
    assert rows(only(resource(["update"], {"p": "old-one"}, {"p": "new-one"}, **marks))) == [
        ("p", "(sensitive)", "(sensitive)")
    ]
    same = resource(["update"], {"p": "old-one", "q": 1}, {"p": "old-one", "q": 2}, **marks)
    assert rows(only(same)) == [("q", "1", "2")]


def test_a_secret_not_known_yet_stays_a_secret() -> None:
    item = only(resource(["create"], None, {}, after_unknown={"p": True}, after_sensitive={"p": True}))
    assert rows(item) == [("p", None, "(sensitive)")]


def test_a_secret_is_masked_wherever_it_was_copied_to() -> None:
    marked = resource(["create"], None, {"p": SECRET}, after_sensitive={"p": True})
    copy = resource(
        ["update"],
        {"url": "x", "json": "{}", SECRET: 1},
        {"url": f"pg://a:{SECRET}@db", "json": f'{{"p": "{SECRET}"}}', "list": [SECRET], SECRET: 2},
        address=f'aws_instance.web["{SECRET}"]',
        previous_address=f"aws_instance.{SECRET}",
        action_reason=f"because_{SECRET}",
        importing={"id": SECRET},
    )
    outputs = {"o": {"actions": ["create"], "before": None, "after": {"k": SECRET}}}
    drift = [resource(["update"], {"a": "x"}, {"a": SECRET})]
    warning = Diagnostic("warning", f"about {SECRET}", SECRET, snippet=SECRET, address=SECRET)
    document = {"resource_changes": [marked, copy], "output_changes": outputs, "resource_drift": drift}
    summary = read_plan(document, digest="d", program="p", warnings=[warning])
    assert SECRET not in repr(summary)
    assert repr(summary).count("(sensitive)") >= 12


def test_a_secret_with_quotes_is_masked_inside_json_text_too() -> None:
    secret = 'pass"word\nwith ü'
    marked = resource(["create"], None, {"p": secret}, after_sensitive={"p": True})
    copy = resource(["create"], None, {"j": '{"p": "pass\\"word\\nwith ü"}'}, address="aws_instance.copy")
    assert "word" not in repr(read(marked, copy))


def test_a_change_of_nothing_but_a_secret_inside_a_text_is_shown() -> None:
    marks = {"before_sensitive": {"p": True}, "after_sensitive": {"p": True}}
    marked = resource(["update"], {"p": "old-secret"}, {"p": SECRET}, address="aws_instance.a", **marks)
    before, after = (
        {"u": "x:old-secret@", "j": '{"p": "old-secret"}'},
        {"u": f"x:{SECRET}@", "j": f'{{"p": "{SECRET}"}}'},
    )
    copy = read(marked, resource(["update"], before, after, address="aws_instance.b")).changes[1]
    assert rows(copy) == [
        ("u", "x:(sensitive)@", "x:(sensitive)@"),
        ("j", '{"p": "(sensitive)"}', '{"p": "(sensitive)"}'),
    ]


def test_numbers_can_be_secrets_and_short_values_are_masked_only_where_they_stand() -> None:
    marked = resource(
        ["create"],
        None,
        {"pin": 9876, "flag": True, "db": "pg"},
        after_sensitive={"pin": True, "flag": True, "db": True},
    )
    copy = resource(["create"], None, {"a": 9876, "b": "is 9876", "c": 98765, "d": "pg"}, address="aws_instance.copy")
    result = {change.address: {row[0]: row[2] for row in rows(change)} for change in read(marked, copy).changes}
    assert result["aws_instance.web"] == dict.fromkeys(["pin", "flag", "db"], "(sensitive)")
    assert result["aws_instance.copy"] == {"a": "(sensitive)", "b": "is (sensitive)", "c": "98765", "d": "pg"}
    assert sensitive_values({"resource_changes": [marked]}) == {"9876"}


@pytest.mark.parametrize(
    "document",
    [
        {"planned_values": {"outputs": {"o": {"sensitive": True, "value": {"deep": [SECRET]}}}}},
        {"prior_state": {"values": {"outputs": {"o": {"sensitive": True, "value": SECRET}}}}},
        {"output_changes": {"o": {"actions": ["delete"], "before": SECRET, "before_sensitive": True}}},
        {
            "prior_state": {
                "values": {
                    "root_module": {
                        "child_modules": [
                            {
                                "child_modules": [
                                    {"resources": [{"values": {"p": SECRET}, "sensitive_values": {"p": True}}]}
                                ]
                            }
                        ]
                    }
                }
            }
        },
        {
            "variables": {"v": {"value": SECRET}},
            "configuration": {"root_module": {"variables": {"v": {"sensitive": True}}}},
        },
        {"configuration": {"root_module": {"variables": {"v": {"sensitive": True, "default": [SECRET]}}}}},
        {
            "configuration": {
                "root_module": {
                    "module_calls": {
                        "m": {
                            "expressions": {"v": {"constant_value": SECRET}, "block": [{}]},
                            "module": {"variables": {"v": {"sensitive": True}}},
                        }
                    }
                }
            }
        },
        {"resource_drift": [resource(["update"], {}, {"p": SECRET}, after_sensitive={"p": True})]},
        {
            "deferred_changes": [
                {"reason": "x", "resource_change": resource(["create"], None, {"p": SECRET}, after_sensitive=True)}
            ]
        },
    ],
    ids=range(9),
)
def test_secrets_are_found_wherever_a_plan_marks_them(document: dict[str, Any]) -> None:
    assert sensitive_values(document) == {SECRET}


def test_outputs_that_change_are_shown() -> None:
    changes = {
        "b": {"actions": ["update"], "before": {"x": 1, "y": 1}, "after": {"x": 2, "y": 1}, "after_unknown": False},
        "a": {"actions": ["create"], "before": None, "after_unknown": True},
        "gone": {"actions": ["delete"], "before": "old", "after": None},
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
        ("gone", "old", None),
        ("marked", "s", "(sensitive)"),
        ("null", None, None),
    ]
    assert not summary.up_to_date


def test_drift_alone_is_up_to_date() -> None:
    drift = [resource(["update"], {"a": 1}, {"a": 2}), resource(["delete"], {"a": 1}, address="aws_instance.gone")]
    summary = read(resource_drift=drift)
    assert summary.up_to_date
    assert [(item.address, item.change) for item in summary.drift] == [
        ("aws_instance.gone", Change.DELETE),
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
    ("rendered", "problem"),
    [
        ({"errored": True}, "only a part of the plan"),
        ({"errored": True, "applyable": False, "complete": False}, "only a part of the plan"),
        ({"complete": False}, "not complete"),
        ({"applyable": False}, "cannot be applied"),
    ],
)
def test_a_plan_that_terraform_itself_disowns_is_never_shown(rendered: dict[str, Any], problem: str) -> None:
    with pytest.raises(RunnerError, match=problem) as caught:
        read(resource(["update"], {"a": 1}, {"a": 2}), **rendered)
    assert caught.value.remedy


def test_a_plan_of_some_resources_or_with_some_left_for_later_is_not_complete_and_that_is_fine() -> None:
    item = resource(["create"])
    deferred = [{"reason": "absent_prereq", "resource_change": item}]
    assert read(item, complete=False, deferred_changes=deferred).changes
    assert read_plan({"resource_changes": [item], "complete": False}, digest="", program="", partial=True).changes


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
    rendered = Diagnostic("warning", "Check block assertion failed", "It is down.", line=5)
    checks = [check("fail", "It is down.", "It is slow."), check("error"), check("pass", "x"), check("unknown", "y")]
    summary = read_plan({"checks": checks}, digest="d", program="p", warnings=[rendered])
    assert [(warning.summary, warning.detail, warning.address) for warning in summary.warnings] == [
        ("Check block assertion failed", "It is down.", None),
        ("Check failed", "It is slow.", "check.health"),
        ("Check could not be made", "", "check.health"),
    ]


def test_nulls_where_terraform_leaves_lists_empty() -> None:
    names = ("resource_changes", "resource_drift", "deferred_changes", "output_changes", "checks", "variables")
    assert read_plan(dict.fromkeys(names), digest="d", program="p").up_to_date
    bare = {"address": "a.b", "change": {"actions": ["create"], "replace_paths": None, "importing": None}}
    assert read(bare).changes[0].change is Change.CREATE


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b"Error: no", b'{"resource_changes": 5}', b'{"errored": "yes"}'])
def test_what_is_no_plan_is_told(text: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        read_plan(text, digest="d", program="p")


def test_of_very_many_changes_the_worst_are_compared_in_detail() -> None:
    names = [f"aws_instance.web[{number:04}]" for number in range(800)]
    updated = [resource(["update"], {"a": 1}, {"a": 2}, address=name) for name in names]
    last = resource(["delete"], {"a": 1}, None, address="aws_instance.zz")
    summary = read(*updated, last)
    assert len(summary.changes) == 801
    assert summary.changes[0].address == "aws_instance.zz"
    assert [change.detailed for change in summary.changes] == [True] * 500 + [False] * 301
    assert all(bool(change.attributes) is change.detailed for change in summary.changes)


def test_one_huge_value_costs_the_others_nothing() -> None:
    huge = resource(["update"], {"a": "x" * 3_000_000}, {"a": "y"}, address="aws_instance.a")
    small = resource(["update"], {"a": 1}, {"a": 2}, address="aws_instance.b")
    output = {"actions": ["update"], "before": "x" * 3_000_000, "after": "y"}
    summary = read(huge, small, output_changes={"o": output})
    assert [(change.detailed, len(change.attributes)) for change in summary.changes] == [(False, 0), (True, 1)]
    assert [(item.path, item.before, item.after) for item in summary.outputs] == [("o", TOO_LONG, TOO_LONG)]


def test_thousands_of_secrets_are_masked_as_a_few_are() -> None:
    secrets = [f"secret-{number:05}" for number in range(3000)] + ["12345678", "secret-00001-and-more"]
    mask = Masker(secrets)
    assert mask("a secret-00001-and-more b secret-02999! 12345678 x912345678") == (
        "a (sensitive) b (sensitive)! (sensitive) x912345678"
    )


@given(
    secrets=st.lists(st.text(alphabet='ab1"', min_size=1, max_size=7), max_size=8),
    text=st.text(alphabet='ab1"x', max_size=40),
)
def test_many_and_few_secrets_are_masked_alike(secrets: list[str], text: str) -> None:
    many = [f"never{number:04}" for number in range(40)]
    assert Masker([*secrets, *many])(text) == Masker(secrets)(text)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=12,
)
MARKS = st.recursive(
    st.booleans() | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)


@given(before=JSON, after=JSON, sensitive=MARKS, unknown=MARKS)
def test_any_shape_of_values_and_marks_is_read(before: Any, after: Any, sensitive: Any, unknown: Any) -> None:
    marks = {"before_sensitive": sensitive, "after_sensitive": sensitive, "after_unknown": unknown}
    assert len(read(resource(["update"], before, after, **marks)).changes) == 1


@given(value=JSON)
def test_equal_values_show_no_difference(value: Any) -> None:
    assert only(resource(["update"], value, value)).attributes == ()


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
