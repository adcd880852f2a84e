"""Types of variables and the values that they take; tests/real/test_terraform_values.py compares both with Terraform."""

from __future__ import annotations

import pytest

from runners.errors import RunnerError
from runners.terraform import literals, variable_types
from runners.terraform.declarations import check, declared_in

CODE = b"""
variable "zones" {
  description = "Where it runs."
  type = map(object({
    cidr   = string # a network
    public = optional(bool, false)
    ports  = optional(list(number), [80, 443])
  }))
  default = {}
}

variable "size" { type = number }
variable "label" {
  default = "blue"
  validation {
    condition     = length(var.label) > 2
    error_message = "Too short ${var.label}"
  }
}
variable "odd" { type = listing(string) }
"""


def test_declarations_are_read_with_type_description_and_default() -> None:
    declared = declared_in({"variables.tf": CODE})
    assert list(declared) == ["zones", "size", "label", "odd"]
    zones = declared["zones"]
    assert str(zones.type) == "map(object({cidr = string, public = optional(bool), ports = optional(list(number))}))"
    assert (zones.description, zones.default, zones.is_text) == ("Where it runs.", "{ }", False)
    assert (declared["label"].type, declared["label"].default, declared["label"].is_text) == (None, '"blue"', True)
    assert (declared["size"].is_text, declared["odd"].readable) == (True, False)


def test_json_and_files_that_cannot_be_read_declare_too() -> None:
    declared = declared_in(
        {
            "a.tf.json": b'{"variable": {"tags": {"type": "map(string)", "default": {"a": "b"}}, "plain": {}}}',
            "b.tf": b'variable "broken" {\n  type = \n',
        }
    )
    assert str(declared["tags"].type) == "map(string)"
    assert declared["plain"].type is None
    assert not declared["broken"].readable


@pytest.mark.parametrize(
    ("kind", "text", "given"),
    [
        ("list(number)", '["1", 2, "3.50"]', "[1, 2, 3.5]"),
        ("set(string)", "[1, true]", '["1", "true"]'),
        ("map(bool)", '{a = "true", b = false}', "{a = true, b = false}"),
        ("tuple([string, number])", '["a", 1]', '["a", 1]'),
        ("object({a = string, b = optional(number, 3)})", "{a = 1}", '{a = "1"}'),
        ("any", '{a = [1, "x"]}', '{a = [1, "x"]}'),
        ("list", "[1, 2]", "[1, 2]"),
        ("map(any)", "{}", "{}"),
        ("list(string)", "null", "null"),
        ("map(object({\n  a = string\n\n  b = list(string)\n}))", '{x = {a = "1", b = []}}', '{x = {a = "1", b = []}}'),
    ],
)
def test_a_value_is_converted_as_terraform_converts_it(kind: str, text: str, given: str) -> None:
    assert literals.write(variable_types.fit(literals.parse(text), variable_types.parse(kind))) == given


@pytest.mark.parametrize(
    ("kind", "text", "words"),
    [
        ("list(number)", '[1, "two"]', "at [1]: it is a number, not the text “two”"),
        ("map(list(string))", "{a = {}}", "at a: it is list(string), not a map"),
        ("object({name = string})", '{nmae = "x"}', "there is no attribute “nmae”; did you mean “name”?"),
        ("map(object({a = string, b = number}))", "{x = {}}", "at x: a and b are missing"),
        ("tuple([string, number])", '["a"]', "it has 2 elements"),
        ("bool", "[]", "it is a bool, not a list"),
        ("list(any)", "[1, {}]", "all elements must have one type, and there are maps and single values"),
    ],
)  # fmt: skip
def test_a_value_of_another_type_is_refused_with_its_place(kind: str, text: str, words: str) -> None:
    with pytest.raises(ValueError, match=r".") as refused:
        variable_types.fit(literals.parse(text), variable_types.parse(kind))
    assert words in str(refused.value)


@pytest.mark.parametrize(
    "text",
    ["listing(string)", "list()", "list(string", "map", "object({a = strin})", '"string"', "optional(string)", "object({a = string, a = string})", "tuple(string)", ""],
)  # fmt: skip
def test_what_is_no_type_is_refused(text: str) -> None:
    if text == "map":  # short for map(any)
        assert variable_types.parse(text).kind == "map"
        return
    with pytest.raises(ValueError, match=r"."):
        variable_types.parse(text)


@pytest.mark.parametrize(
    ("name", "value", "hcl", "words"),
    [
        ("zones", '{a = {cidr = "10.0.0.0/8"}}', True, ""),
        ("zones", "{a = {}}", True, "the variable zones cannot have this value: at a: cidr is missing"),
        ("zones", "eu", False, "the variable zones cannot have this value"),
        ("size", "[1]", True, "it is a number, not a map or a list"),
        ("size", "two", False, "it is a number, not the text “two”"),
        ("label", "{a = 1}", True, "it is a text, since it is declared without a type, not a map or a list"),
        ("odd", "{a = 1}", True, ""),
        ("elsewhere", "x", False, ""),
    ],
)
def test_values_are_checked_against_the_code(name: str, value: str, hcl: bool, words: str) -> None:
    declared = declared_in({"variables.tf": CODE})
    if not words:
        check(declared, {name: value}, [name] if hcl else [], "planning prod")
        return
    with pytest.raises(RunnerError) as refused:
        check(declared, {name: value}, [name] if hcl else [], "planning prod")
    assert words in refused.value.problem
