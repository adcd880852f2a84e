"""What changed outside of Terraform, what is left out of a list of attributes, and the order of resources."""

from __future__ import annotations

from typing import Any

from hypothesis import given, strategies as st

from handlers.plan import change_views
from runners.results import Change
from runners.terraform.addresses import natural_order
from runners.terraform.planning import fingerprint
from tests.unit.bot.drawn import read as drawn
from tests.unit.runners.terraform.plan_documents import only_change, read, resource, rows


def test_what_is_empty_before_and_after_is_no_drift() -> None:
    noise = resource(["update"], {"tags": None, "a": []}, {"tags": {}, "a": None}, address="aws_eip.noise")
    real = resource(
        ["update"], {"tags": None, "ip": "10.0.0.1"}, {"tags": {}, "ip": "10.0.0.2"}, address="aws_eip.real"
    )
    (drift,) = read(resource_drift=[noise, real]).drift
    assert (drift.address, rows(drift)) == ("aws_eip.real", [("ip", "10.0.0.1", "10.0.0.2")])


def test_what_is_deleted_or_read_lists_nothing_empty() -> None:
    values: dict[str, Any] = {"a": "x", "list": [], "map": {}, "none": None}
    assert rows(only_change(resource(["delete"], values, None))) == [("a", "x", None)]
    assert rows(only_change(resource(["read"], {}, values, address="data.aws_ami.web"))) == [("a", None, "x")]
    text = drawn(change_views.details(read(resource(["read"], None, values, address="data.aws_ami.web"))))
    assert "`a`: `x`" in text
    assert "(none)" not in text


def test_an_update_from_null_to_an_empty_map_is_still_displayed() -> None:
    assert rows(only_change(resource(["update"], {"tags": None}, {"tags": {}}))) == [("tags", None, "{}")]


def test_what_was_deleted_outside_of_terraform_is_said_to_be_deleted() -> None:
    drift = [
        resource(["delete"], {"a": 1}, None, address="aws_eip.old"),
        resource(["update"], {"a": 1}, {"a": 2}, address="aws_eip.web"),
    ]
    summary = read(resource_drift=drift)
    text = "\n".join(block["elements"][0]["text"] for block in change_views.drift_lines(summary))
    assert ":red_circle: deleted outside of Terraform: `aws_eip.old`" in text
    assert ":mag: changed outside of Terraform: `aws_eip.web`" in text
    assert change_views.drift_counts(summary) == "1 resource deleted, 1 changed outside of Terraform"
    assert ":red_circle: *Deleted* `aws_eip.old`" in drawn(change_views.details(summary))


def test_drift_that_the_plan_depends_on_comes_first() -> None:
    drift = [resource(["update"], {"a": 1}, {"a": 2}, address=f"aws_eip.{name}") for name in "abc"]
    summary = read(resource_drift=drift, relevant_attributes=[{"resource": "aws_eip.b", "attribute": ["a"]}])
    assert [(each.address, each.reason) for each in summary.drift] == [
        ("aws_eip.b", "this plan depends on it"),
        ("aws_eip.a", None),
        ("aws_eip.c", None),
    ]


def test_drift_of_terraform_1_0_has_parts_of_addresses() -> None:
    change = {"actions": ["delete"], "before": {"a": 1}, "after": None}
    parts = {"mode": "managed", "type": "aws_eip", "name": "web", "change": change}
    drift = [parts, {**parts, "module_address": "module.m[0]", "index": "a"}, {**parts, "index": 3}]
    addresses = [each.address for each in read(resource_drift=drift).drift]
    assert addresses == ["aws_eip.web", "aws_eip.web[3]", 'module.m[0].aws_eip.web["a"]']


def test_the_order_of_a_replacement_is_in_the_message_beside_what_forces_it() -> None:
    replaced = resource(["create", "delete"], {"ami": "a"}, {"ami": "b"}, replace_paths=[["ami"]])
    text = change_views._full(only_change(replaced), change_views.TO_DO)
    assert "the new one is made before the old one goes" in text
    assert "_forces replacement_" in text


def test_the_message_says_how_many_differences_it_leaves_out() -> None:
    many = resource(["update"], {"a": []}, {"a": [f"x{n}" for n in range(1000)]})
    change = only_change(many)
    assert len(change.attributes) + change.more_attributes == 1000
    assert "988 more differences" in change_views._full(change, change_views.TO_DO)


def test_instances_are_in_the_order_of_their_numbers() -> None:
    names = ["a.worker[10]", "a.worker[2]", "a.worker[1]", 'a.b["web-10"]', 'a.b["web-9"]', "a.b"]
    summary = read(*(resource(["create"], None, {"x": 1}, address=name) for name in names))
    assert [each.address for each in summary.changes] == [
        "a.b", 'a.b["web-9"]', 'a.b["web-10"]', "a.worker[1]", "a.worker[2]", "a.worker[10]",
    ]  # fmt: skip


@given(st.lists(st.integers(0, 10**30), min_size=2, max_size=8), st.text(max_size=5))
def test_any_numbers_are_ordered_by_value_and_any_texts_can_be_ordered(numbers: list[int], text: str) -> None:
    small = [number for number in numbers if number < 10**18]
    assert sorted((f"x[{number}]" for number in small), key=natural_order) == [
        f"x[{number}]" for number in sorted(small)
    ]
    sorted([text, f"{text}1", "x[²]", *map(str, numbers)], key=natural_order)


def test_values_that_nest_too_deep_are_not_compared_but_named() -> None:
    deep: Any = "x"
    for _ in range(400):
        deep = [deep]
    change = only_change(resource(["update"], {"a": deep}, {"a": [deep]}))
    assert change.change is Change.UPDATE
    assert not change.detailed or change.attributes


def test_a_fingerprint_is_made_of_texts_of_which_some_are_absent() -> None:
    summary = read(resource(["update"], {"a": "x\ny\nz"}, {"a": "y\nz\nn"}))
    assert len({each.path for each in summary.changes[0].attributes}) == 1
    assert len(fingerprint(summary)) == 64
