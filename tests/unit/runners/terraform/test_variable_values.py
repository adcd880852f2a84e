"""Values of variables in Terraform's order, and nothing of what is secret."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, strategies as st

from runners.terraform.variable_values import Values, differences, read

if TYPE_CHECKING:
    from collections.abc import Mapping

CODE = b"""
variable "count" { default = 1 }
variable "zone" {}
variable "tags" {
  type = map(string)
  default = {
    a = "b"
  }
}
variable "password" {
  type = string
  sensitive = true
  default = "hunter2"
}
variable "token" {
  ephemeral = true
  default   = "hunter3"
}
variable "open" {
  sensitive = false
  default = "seen"
}
variable "maybe" {
  sensitive = var.really
  default = "hunter4"
}
"""


def values(files: Mapping[str, bytes], *given_files: bytes, **environment: str) -> dict[str, str]:
    return dict(read({"main.tf": CODE, **files}, given_files, environment).values)


def test_defaults_and_nothing_secret() -> None:
    result = read({"main.tf": CODE}, (), {})
    assert result.values == {"count": "1", "tags": '{ a = "b" }', "open": '"seen"'}
    assert result.hidden == {"password", "token", "maybe"}


def test_the_last_of_terraforms_order_counts() -> None:
    files = {
        "terraform.tfvars": b'count = 2\nzone = "a"\n',
        "terraform.tfvars.json": b'{"count": 3}',
        "b.auto.tfvars": b"count = 5",
        "a.auto.tfvars.json": b'{"count": 4}',
        "other.tfvars": b"count = 99",
    }
    assert values({}, TF_VAR_count="1.5")["count"] == "1.5"
    for number in range(1, 5):
        some = dict(list(files.items())[:number])
        expected = {1: "2", 2: "3", 3: "5", 4: "5"}[number]
        assert values(some, TF_VAR_count="1.5")["count"] == expected
    assert values(files, b"count = 6")["count"] == "6"
    assert values(files, b"count = 6", b'{"count": 7}')["count"] == "7"
    assert values(files)["zone"] == '"a"'


def test_what_is_not_declared_is_not_known_and_not_shown() -> None:
    assert "undeclared" not in values({"terraform.tfvars": b'undeclared = "hunter5"'})


def test_declarations_that_cannot_be_read_hide_their_variables() -> None:
    broken = b'variable "secret_one" {\n  default = "hunter6\n}\n'
    result = read({"main.tf": broken, "terraform.tfvars": b'secret_one = "hunter7"'}, (), {})
    assert result.values == {}
    assert result.hidden == {"secret_one"}


def test_json_is_code_too() -> None:
    code = b'{"variable": {"a": {"default": "x"}, "b": {"default": "hunter8", "sensitive": true}}}'
    result = read({"v.tf.json": code, "terraform.tfvars": b'b = "hunter9"'}, (), {})
    assert dict(result.values) == {"a": '"x"'}
    assert result.hidden == {"b"}


@pytest.mark.parametrize("text", [b"count = {", b"[1]", b'{"count": }'])
def test_values_that_cannot_be_read_are_an_error(text: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  -- the reader's own words
        read({"main.tf": CODE, "terraform.tfvars.json": text}, (), {})


@given(st.text(st.characters(codec="ascii", exclude_categories=["Cc"]), min_size=8, max_size=40))
def test_no_way_of_giving_a_sensitive_value_shows_it(secret: str) -> None:
    written = secret.replace("\\", "").replace('"', "").replace("$", "").replace("%", "")
    files = {
        "terraform.tfvars": f'password = "{written}"'.encode(),
        "x.auto.tfvars.json": f'{{"password": "{written}"}}'.encode(),
    }
    result = read({"main.tf": CODE, **files}, [f'password = "{written}"'.encode()], {"TF_VAR_password": written})
    assert "password" not in result.values
    assert not written or written not in {*result.values.values()}


def test_of_maps_only_the_keys_that_differ() -> None:
    first = Values({"images": '{ a = "1", b = "2", deep = { x = 1, y = 2 } }', "size": '"s"', "same": "1"}, frozenset())
    second = Values(
        {"images": '{"a": "1", "b": "3", "deep": {"x": 1, "y": 3}, "c": "4"}', "size": '"l"', "same": "1"}, frozenset()
    )
    assert differences(first, second) == [
        ("images.b", '"2"', '"3"'),
        ("images.c", None, '"4"'),
        ("images.deep.y", "2", "3"),
        ("size", '"s"', '"l"'),
    ]
    assert differences(first, Values({}, frozenset({"images", "size"}))) == [("same", "1", None)]


def test_what_is_written_in_another_way_does_not_differ() -> None:
    first, second = Values({"m": "{ a = 1 }"}, frozenset()), Values({"m": '{"a": 1}'}, frozenset())
    assert differences(first, second) == []
