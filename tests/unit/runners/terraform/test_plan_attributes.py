"""Attributes of changed resources: how deep they are compared, and their texts."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, strategies as st

from runners.terraform.differences import LONGEST_TEXT
from runners.terraform.summary import TOO_LONG
from tests.unit.runners.terraform.plan_documents import only_change, read, resource, rows


def test_nested_attributes_are_followed_to_what_differs() -> None:
    before = {"tags": {"Name": "old", "env": "prod"}, "ebs": [{"size": 8}, {"size": 9}], "list": [1, 2], "x.y": 1}
    after = {"tags": {"Name": "new", "env": "prod"}, "ebs": [{"size": 8}, {"size": 10}], "list": [1, 3], "x.y": None}
    assert rows(only_change(resource(["update"], before, after))) == [
        ("tags.Name", "old", "new"),
        ("ebs[1].size", "9", "10"),
        ("list[1]", "2", "3"),
        ('["x.y"]', "1", None),
    ]


def test_an_element_put_before_others_of_a_set_shows_alone() -> None:
    before, after = {"rule": [{"port": 80}, {"port": 443}]}, {"rule": [{"port": 22}, {"port": 80}, {"port": 443}]}
    assert rows(only_change(resource(["update"], before, after))) == [("rule[0]", None, '{"port": 22}')]


def test_json_kept_as_text_is_followed_too() -> None:
    before = {"policy": '{"Statement": [{"Action": "s3:Get*", "Effect": "Allow"}]}'}
    after = {"policy": '{"Statement":[{"Action":"s3:*","Effect":"Allow"}]}'}
    assert rows(only_change(resource(["update"], before, after))) == [("policy.Statement[0].Action", "s3:Get*", "s3:*")]


def test_values_read_as_people_write_them() -> None:
    before = {"a": True, "b": "", "c": 1.5, "d": None}
    after = {"a": False, "b": "x", "c": 2, "d": "new"}
    assert rows(only_change(resource(["update"], before, after))) == [
        ("a", "true", "false"),
        ("b", '""', "x"),
        ("c", "1.5", "2"),
        ("d", None, "new"),
    ]


def test_true_is_not_one() -> None:
    assert rows(only_change(resource(["update"], {"a": 1}, {"a": True}))) == [("a", "1", "true")]


def test_a_new_resource_shows_what_is_set_and_then_what_is_not_known_yet() -> None:
    after: dict[str, Any] = {"ami": "ami-1", "tags": {}, "list": [], "none": None}
    change = only_change(resource(["create"], None, after, after_unknown={"arn": True, "tags": {}}))
    assert rows(change) == [("ami", None, "ami-1"), ("arn", None, "(known after apply)")]


def test_unknown_parts_inside_a_value() -> None:
    unknown = {"block": [{"id": True, "size": False}], "map": {"k": True}}
    change = only_change(
        resource(["update"], {"block": [{"id": "a", "size": 1}]}, {"block": [{"size": 1}]}, after_unknown=unknown)
    )
    assert rows(change) == [("block[0].id", "a", "(known after apply)"), ("map.k", None, "(known after apply)")]


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
    change = only_change(resource(["delete", "create"], before, after, replace_paths=paths))
    assert {attribute.path for attribute in change.attributes if attribute.forces_replacement} == forcing
    assert {attribute.path for attribute in change.attributes[: len(forcing)]} == forcing


def test_long_values_show_where_they_differ() -> None:
    start = "#!/bin/sh\n" + "echo same\n" * 500
    change = only_change(
        resource(["update"], {"user_data": start + "old" + "z" * 900}, {"user_data": start + "new" + "z" * 900})
    )
    (attribute,) = change.attributes
    assert attribute.note == "line 502, character 1"
    assert str(attribute.before).startswith("oldzz")
    assert str(attribute.after).startswith("newzz")
    assert max(len(str(attribute.before)), len(str(attribute.after))) <= LONGEST_TEXT + 1


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
    assert [(output.path, output.before, output.after) for output in summary.outputs] == [("o", TOO_LONG, TOO_LONG)]


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
    assert only_change(resource(["update"], value, value)).attributes == ()
