"""Types and values that Signalbox takes, compared with what the real Terraform takes, for generated and for public ones."""

from __future__ import annotations

import base64
import json
import re
import subprocess
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from unicodedata import normalize

import pytest
from hypothesis import given, settings, strategies as st

from runners.terraform import literals, variable_types
from tests.real.terraform_support import SEARCH_PATH

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from runners.terraform import Program
    from runners.terraform.literals import Value

pytestmark = [pytest.mark.needs_terraform, pytest.mark.slow("each example starts Terraform")]
NAMES = st.sampled_from(["a", "b_c", "d-e", "true", "name"])
TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8) | st.sampled_from(
    ["${x}", "$${x}", "%{if}", "%", "$", "$$", '"', "\\n", "1", "1.50", "true", "", "0", "-3", "é"]
)
PRIMITIVES = st.sampled_from(["string", "number", "bool"])
TYPES = st.recursive(
    PRIMITIVES,
    lambda inner: st.one_of(
        st.builds("{}({})".format, st.sampled_from(["list", "set", "map"]), inner),
        st.lists(inner, max_size=3).map(lambda each: f"tuple([{', '.join(each)}])"),
        st.dictionaries(NAMES, st.tuples(inner, st.booleans()), max_size=3).map(
            lambda each: "object({" + ", ".join(f"{name} = {_attribute(*kind)}" for name, kind in each.items()) + "})"
        ),
    ),
    max_leaves=5,
)  # fmt: skip
NUMBERS = st.integers(-(10**12), 10**12).map(Decimal) | st.decimals(-1000, 1000, places=3)
VALUES: st.SearchStrategy[Value] = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=5,
)
ODD_TYPES = ["strin", "list", "map", "set", "any", "list(any)", "object", "tuple(string)", "list(string, number)", '"string"', '"list"', "optional(string)", "object({a = string b = number})", "object({a = string\n b = number})", "object({a: string})", 'object({"a" = string})', "tuple([string,])", "list(\nstring\n)", "map[string]", 'object({a = optional(string, "x",)})', "object({a = optional(list(string), [])})", "object({a = string, a = number})", "string()", "bool # yes", "object({})", "object({for = string})", "object({a = string, for = string})", "tuple([])", "null", "object({1 = string})", "object([string])", "list (string)"]  # fmt: skip


def _attribute(kind: str, optional: bool) -> str:
    return f"optional({kind})" if optional else kind


@st.composite
def of_type(draw: st.DrawFn, kind: variable_types.Type) -> Value:
    """A value that the type takes, in any of the forms that are converted to it."""
    match kind.kind:
        case "string":
            return draw(TEXTS | NUMBERS | st.booleans())
        case "number":
            return draw(NUMBERS | st.integers(-99, 99).map(str))
        case "bool":
            return draw(st.booleans() | st.sampled_from(["true", "false", "1", "0"]))
        case "tuple":
            return [draw(of_type(each)) for each in kind.elements]
        case "object":
            present = [name for name in kind.attributes if name not in kind.optional or draw(st.booleans())]
            return {name: draw(of_type(kind.attributes[name])) for name in present}
        case "map":
            return draw(st.dictionaries(NAMES, of_type(kind.element or variable_types.ANY), max_size=3))
        case _:
            return draw(st.lists(of_type(kind.element or variable_types.ANY), max_size=3))


class Reference:
    """The real Terraform: which types, and which values of variables, it takes."""

    def __init__(self, directory: Path, program: Program) -> None:
        self._directory, self._program = directory, program

    def takes_types(self, types: Sequence[str]) -> list[bool]:
        """For each type whether a variable may have it."""
        lines, first = "", []
        for number, kind in enumerate(types):
            first.append(lines.count("\n") + 1)
            lines += f'variable "v{number}" {{\n  type = {kind}\n}}\n'
        self._write(lines)
        answer = json.loads(self._run("validate", "-json"))
        wrong = {each["range"]["start"]["line"] for each in answer["diagnostics"] if each["severity"] == "error"}
        return [
            not any(start <= line <= start + kind.count("\n") + 2 for line in wrong)
            for start, kind in zip(first, types, strict=True)
        ]

    def values(self, given: Sequence[tuple[str, str]]) -> list[Any]:
        """For each type and text the value that Terraform makes of it, as JSON has it; Ellipsis where it refuses it."""
        self._write(
            "".join(f'variable "v{number}" {{\n  type = {kind}\n}}\n' for number, (kind, _) in enumerate(given))
        )
        arguments = [f"-var=v{number}={text}" for number, (_, text) in enumerate(given)]
        refused = {
            int(number)
            for line in self._run("plan", "-json", "-input=false", "-refresh=false", *arguments).splitlines()
            if line.startswith("{") and (each := json.loads(line)).get("@level") == "error"
            for number in re.findall(r"\bv(?:ar\.v)?(\d+)\b", json.dumps(each))
        }
        good = [number for number in range(len(given)) if number not in refused]
        self._write("".join(f'variable "v{number}" {{\n  type = {given[number][0]}\n}}\n' for number in good))
        expression = f"base64encode(jsonencode([{', '.join(f'var.v{number}' for number in good)}]))"
        printed = self._run("console", *(arguments[number] for number in good), given=expression)
        taken = iter(json.loads(base64.b64decode(printed.strip().strip('"'))))
        return [next(taken) if number in good else ... for number in range(len(given))]

    def _write(self, code: str) -> None:
        (self._directory / "main.tf").write_text(code)

    def _run(self, *arguments: str, given: str = "") -> str:
        argv = [*self._program.command, *arguments]
        environment = {"PATH": SEARCH_PATH, "HOME": str(self._directory), "CHECKPOINT_DISABLE": "1"}
        return subprocess.run(
            argv,
            cwd=self._directory,
            env=environment,
            capture_output=True,
            text=True,
            input=given,
            timeout=120,
            check=False,
        ).stdout


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory, program: Program) -> Reference:
    return Reference(tmp_path_factory.mktemp("values"), program)


def takes_type(text: str) -> bool:
    try:
        variable_types.parse(text)
    except ValueError:
        return False
    return True


def test_the_types_that_are_read_are_those_of_terraform(reference: Reference) -> None:
    taken = dict(zip(ODD_TYPES, reference.takes_types(ODD_TYPES), strict=True))
    assert {kind: takes_type(kind) for kind in ODD_TYPES} == taken


@settings(max_examples=8)
@given(st.lists(TYPES, min_size=20, max_size=20))
def test_every_generated_type_is_read_and_is_valid(reference: Reference, types: list[str]) -> None:
    assert all(reference.takes_types(types))
    assert all(map(takes_type, types))


def fitted(text: str, kind: variable_types.Type) -> Value | type(...):  # type: ignore[valid-type]
    try:
        return variable_types.fit(literals.parse(text), kind)
    except ValueError:
        return ...


def same(mine: Any, theirs: Any, kind: Any) -> bool:
    """Whether a value is what Terraform has of it: which also has what is missing, and sets in an order of its own."""
    if mine is None or theirs is None:
        return mine is theirs
    if kind.kind == "object":
        return all(same(mine.get(name), theirs[name], each) for name, each in kind.attributes.items())
    if kind.kind == "map":
        return mine.keys() == theirs.keys() and all(same(mine[name], theirs[name], kind.element) for name in mine)
    if kind.kind == "set":
        return all(any(same(each, other, kind.element) for other in theirs) for each in mine)
    if kind.kind in {"list", "tuple"}:
        kinds = kind.elements or [kind.element] * len(mine)
        return len(mine) == len(theirs) and all(map(same, mine, theirs, kinds))
    if kind.kind == "number":
        return bool(Decimal(str(theirs)) == mine)
    return bool(theirs == (normalize("NFC", mine) if isinstance(mine, str) else mine))


@settings(max_examples=8)
@given(st.data())
def test_what_is_taken_for_a_type_is_what_terraform_takes(reference: Reference, data: st.DataObject) -> None:
    given_values: list[tuple[str, str]] = []
    for number in range(24):
        written = data.draw(TYPES)
        kind = variable_types.parse(written)
        value = data.draw(of_type(kind) if number % 2 else VALUES)
        if not kind.is_primitive:  # else Terraform takes what is typed as it is
            given_values.append((written, literals.write(value)))
    theirs = reference.values(given_values)
    for (written, text), terraform in zip(given_values, theirs, strict=True):
        kind = variable_types.parse(written)
        mine = fitted(text, kind)
        if mine is ...:
            assert terraform is ... or "no attribute" in why(text, kind), (written, text)
            continue
        assert terraform is not ..., (written, text)
        assert same(mine, terraform, kind), (written, text, mine, terraform)
        assert literals.parse(literals.write(mine)) == mine


def why(text: str, kind: variable_types.Type) -> str:
    try:
        variable_types.fit(literals.parse(text), kind)
    except ValueError as error:
        return str(error)
    return ""


@settings(max_examples=8)
@given(st.lists(TEXTS, min_size=20, max_size=20))
def test_a_text_reaches_terraform_as_it_is(reference: Reference, texts: list[str]) -> None:
    theirs = reference.values([("list(string)", literals.write([text])) for text in texts])
    assert theirs == [[normalize("NFC", text)] for text in texts]
