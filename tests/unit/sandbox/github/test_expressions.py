"""Expressions: each line is a rule of GitHub's documentation or of the test data of actions/languageservices, with made-up values.

https://docs.github.com/actions/reference/workflows-and-actions/expressions
"""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, strategies as st

from sandbox.github.expressions import (
    ExpressionError,
    Incomplete,
    Secrets,
    Status,
    Unknown,
    UnknownValueError,
    condition,
    displayed,
    evaluate,
    expand,
    holds,
    resolved,
)

if TYPE_CHECKING:
    from sandbox.github.expressions import Value

CONTEXTS: dict[str, Value] = {
    "github": {"ref": "refs/heads/main", "event": {"labels": [{"name": "bug"}, {"name": "docs"}, {"id": 3}]}},
    "matrix": {"os": "linux", "node": 20, "cell": {"name": "eu", "zones": ["a", "b"]}, "on": True, "none": None},
    "env": {"Level": "High", "hex": "0xff", "blank": " 12 "},
    "inputs": {},
    "secrets": Secrets(),
}


@pytest.mark.parametrize(
    ("written", "value"),
    [
        *[
            ("null", None),
            ("true", True),
            ("711", 711),
            ("-9.2", -9.2),
            ("0xff", 255),
            ("0o17", 15),
            ("-2.99e-2", -0.0299),
        ],
        *[("'It''s open source!'", "It's open source!"), ("+1", 1), (".5", 0.5), ("''", "")],
        *[("github.ref", "refs/heads/main"), ("github['ref']", "refs/heads/main"), ("GITHUB.REF", "refs/heads/main")],
        *[("matrix.cell.name", "eu"), ("matrix['cell'].zones[1]", "b"), ("matrix.cell.zones[1.9]", "b")],
        *[("matrix.cell.zones['0']", "a"), ("matrix.cell.zones[2]", None), ("matrix.cell.zones[-1]", None)],
        *[("matrix.nope", None), ("matrix.nope.deeper", None), ("matrix.os.name", None), ("inputs.nope == ''", True)],
        *[("github.event.labels.*.name", ["bug", "docs"]), ("matrix.cell.*", ["eu", ["a", "b"]])],
        *[("github.event.labels[*]['name']", ["bug", "docs"]), ("matrix.os.*", []), ("matrix.nope.*.a", [])],
        *[("matrix.*.zones.*", ["a", "b"]), ("matrix.cell.zones.*", ["a", "b"])],
    ],
)
def test_literals_and_access(written: str, value: object) -> None:
    assert evaluate(written, CONTEXTS) == value


@pytest.mark.parametrize(
    ("written", "value"),
    [
        *[("1 == '1'", True), ("1 == ' 1 '", True), ("0 == ''", True), ("null == 0", True), ("null == ''", True)],
        *[("true == 1", True), ("true == '1'", True), ("true == 'true'", False), ("'0xFF' == 255", True)],
        *[
            ("'ABC' == 'abc'", True),
            ("'a' < 'B'", True),
            ("'b' > 'A'", True),
            ("NaN == NaN", False),
            ("NaN != NaN", True),
        ],
        *[("'x' == 1", False), ("'x' > 1", False), ("'x' <= 1", False), ("matrix.cell == matrix.cell", True)],
        *[("matrix.cell == 'Object'", False), ("matrix.cell < 1", False), ("matrix.cell.zones == 'Array'", False)],
        *[
            ("1 < 2", True),
            ("2 <= 2", True),
            ("'2' >= 2", True),
            ("null < 1", True),
            ("!''", True),
            ("!!matrix.cell", True),
        ],
        *[("'' || 'b'", "b"), ("'a' && 'b'", "b"), ("0 && 'b'", 0), ("false || null", None), ("NaN || 1", 1)],
        *[("1 == 1 && 2 == 3 || 'c'", "c"), ("!true == false", True), ("1 < 2 == true", True), ("!(1 == 2)", True)],
        *[("env.level == 'high'", True), ("env.hex == 255", True), ("env.blank == 12", True), ("0o17 == 15", True)],
    ],
)
def test_operators_compare_loosely(written: str, value: object) -> None:
    assert evaluate(written, CONTEXTS) == value


@pytest.mark.parametrize(
    ("written", "value"),
    [
        *[("contains('Hello world', 'LLO')", True), ("contains(github.event.labels.*.name, 'BUG')", True)],
        *[
            ("contains(fromJSON('[1, \"2\"]'), '1')", True),
            ("contains('abc', null)", True),
            ("contains(matrix.cell, 'eu')", False),
        ],
        *[("contains('x1', 1)", True), ("contains('a', matrix.cell)", False), ("STARTSWITH('Hello', 'he')", True)],
        *[("endsWith('Hello', 'LO')", True), ("endsWith(matrix.cell, '')", False), ("startsWith(true, 'T')", True)],
        *[
            ("format('{0} {1} {0}', 'a', 2)", "a 2 a"),
            ("format('{{Hi {0}}}', 'you')", "{Hi you}"),
            ("format('x')", "x"),
        ],
        *[("format('{0}', matrix.cell)", "Object"), ("format('{0}|{1}', null, true)", "|true")],
        *[("join(matrix.cell.zones)", "a,b"), ("join(matrix.cell.zones, ' + ')", "a + b"), ("join('a', '-')", "a")],
        *[("join(fromJSON('[null, 1.50, true]'), '-')", "-1.5-true"), ("join(matrix.cell)", ""), ("join(1)", "1")],
        *[("toJSON(matrix.cell)", '{\n  "name": "eu",\n  "zones": [\n    "a",\n    "b"\n  ]\n}'), ("toJSON(1.0)", "1")],
        *[("fromJSON('{\"a\": [1]}').a[0]", 1), ("fromJSON('true') && 1", 1), ("fromJSON('1.5')", 1.5)],
        *[
            ("case(false, 'a', true, 'b', 'c')", "b"),
            ("case(1 == 2, 'a', 'c')", "c"),
            ("case(true, 'a', fromJSON('!'))", "a"),
        ],
    ],
)
def test_functions(written: str, value: object) -> None:
    assert evaluate(written, CONTEXTS) == value


@pytest.mark.parametrize(
    ("written", "problem"),
    [
        *[
            ("", "An expression was expected"),
            ("1 +", "Unexpected symbol: '+'"),
            ("a.b", "Unrecognized named-value: 'a'"),
        ],
        *[('"a"', "Unexpected symbol"), ("'a", "Unexpected symbol: ''a'"), ("1 2", "Unexpected symbol: '2'")],
        *[
            ("(1", "Unexpected end of expression"),
            ("matrix.", "Unexpected end"),
            ("matrix..a", "Unexpected symbol: '.a'"),
        ],
        *[
            ("matrix.1", "Unexpected symbol"),
            ("1 = 1", "Unexpected symbol: '='"),
            ("1 ?? 2", "Unexpected symbol: '??'"),
        ],
        *[
            ("0xfg", "Unexpected symbol: '0xfg'"),
            ("1.2.3", "Unexpected symbol: '1.2.3'"),
            ("'a'.b", "Unexpected symbol"),
        ],
        *[("length('a')", "Unrecognized function: 'length'"), ("contains('a')", "Too few parameters supplied")],
        *[
            ("toJSON(1, 2)", "Too many parameters supplied"),
            ("case(true, 1)", "Too few"),
            ("case(true, 1, 2, 3)", "Too few"),
        ],
        *[
            ("case('true', 1, 2)", "case predicate must evaluate to a boolean"),
            ("fromJSON('{')", "Error parsing fromJson"),
        ],
        *[("fromJSON('NaN')", "NaN is no JSON"), ("fromJSON('')", "Error parsing fromJson")],
        *[("format('{0}')", "references more arguments"), ("format('{a}', 1)", "format string is invalid")],
        *[("format('}', 1)", "format string is invalid"), ("hashFiles('**/a.lock')", "hashFiles")],
        *[("success()", "for conditions alone"), ("needs.a.result", "not available here")],
        *[
            ("(" * 60 + "1" + ")" * 60, "Exceeded max expression depth"),
            ("!" * 60 + "1", "Exceeded max expression depth"),
        ],
        *[("'" + "a" * 21_000 + "'", "GitHub takes 21000")],
    ],
)
def test_what_github_refuses_is_refused(written: str, problem: str) -> None:
    with pytest.raises(ExpressionError) as refused:
        evaluate(written, CONTEXTS)
    assert problem in str(refused.value)


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (1.0, "1"),
        (0.1 + 0.2, "0.3"),
        (1e15, "1E+15"),
        (123456789012345.0, "123456789012345"),
        (1e-5, "1E-05"),
        (-0.0, "0"),
    ],
)
def test_numbers_become_texts_of_15_digits(number: float, text: str) -> None:
    assert expand("${{ inputs.n }}", {"inputs": {"n": number}}) == text


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_json_goes_there_and_back(value: Value) -> None:
    contexts: dict[str, Value] = {"inputs": {"x": value}}
    assert evaluate("fromJSON(toJSON(inputs.x))", contexts) == value
    text = evaluate("toJSON(inputs.x)", contexts)
    assert isinstance(text, str)
    assert json.loads(text) == value


@given(st.text(max_size=50))
def test_a_quoted_string_is_what_was_quoted(text: str) -> None:
    assert evaluate("'" + text.replace("'", "''") + "'", {}) == text


@given(
    st.floats(allow_nan=False) | st.integers(-(10**9), 10**9), st.floats(allow_nan=False) | st.booleans() | st.none()
)
def test_numbers_compare_as_numbers(first: float, second: float | None) -> None:
    contexts: dict[str, Value] = {"inputs": {"l": first, "r": second}}
    number = float(second or 0)
    assert evaluate("inputs.l == inputs.r", contexts) is (first == number)
    assert evaluate("inputs.l < inputs.r", contexts) is (first < number)
    assert evaluate("inputs.l >= inputs.r", contexts) is (first >= number)
    assert not evaluate("inputs.l < inputs.x", {"inputs": {"l": first, "x": math.nan}})


def test_secrets_are_never_shown() -> None:
    assert expand("a ${{ secrets.KEY }} ${{ format('-{0}-', secrets['OTHER']) }}", CONTEXTS) == "a *** -***-"
    assert evaluate("toJSON(secrets)", CONTEXTS) == "{}"
    assert evaluate("secrets.KEY && 'set'", CONTEXTS) == "set"


def test_texts_have_expressions_in_them() -> None:
    assert expand("x ${{ matrix.os }}-${{matrix.node}} ${{ '}}' }} $ {{ no }}", CONTEXTS) == "x linux-20 }} $ {{ no }}"
    assert resolved("${{ matrix.cell }}", CONTEXTS) == CONTEXTS["matrix"]["cell"]  # type: ignore[index,call-overload]
    assert resolved("${{ matrix.os }}-${{ matrix.node }}", CONTEXTS) == "linux-20"
    assert resolved({"a": ["${{ matrix.node }}", "n${{ matrix.node }}", 1]}, CONTEXTS) == {"a": [20, "n20", 1]}


def test_what_only_a_runner_could_know_is_neither_guessed_nor_empty() -> None:
    outputs = Incomplete("no shell runs here")
    outputs["known"] = "1"
    contexts: dict[str, Value] = {"steps": {"a": {"outputs": outputs}}, "inputs": {"x": Unknown("made by a script")}}
    assert evaluate("steps.a.outputs.known", contexts) == "1"
    for written in (
        "steps.a.outputs.other == ''",
        "!inputs.x",
        "format('{0}', inputs.x)",
        "fromJSON(inputs.x)",
        "inputs.x < 1",
    ):
        with pytest.raises(UnknownValueError):
            evaluate(written, contexts)
    with pytest.raises(UnknownValueError, match="other: no shell runs here"):
        expand("${{ steps.a.outputs.other }}", contexts)
    assert displayed("a ${{ steps.a.outputs.other }} ${{ steps.a.outputs.known }}", contexts) == "a (unknown here) 1"
    assert evaluate("true || inputs.x", contexts) is True
    assert isinstance(evaluate("inputs.x.deeper", contexts), Unknown)


@pytest.mark.parametrize(
    ("written", "after_success", "after_failure", "when_cancelled"),
    [
        *[(None, True, False, False), ("success()", True, False, False), ("${{ always() }}", True, True, True)],
        *[
            ("failure()", False, True, False),
            ("cancelled()", False, False, True),
            ("${{ !cancelled() }}", True, True, False),
        ],
        *[("matrix.os == 'linux'", True, False, False), ("matrix.os == 'macos'", False, False, False)],
        *[("always() && matrix.node > 18", True, True, True), ("failure() || matrix.on", True, True, True)],
        *[(True, True, False, False), (False, False, False, False), ("", True, False, False)],
        # A text with an expression in a part of it is a string, and no empty one.
        *[("${{ matrix.os }} == 'macos'", True, False, False), ("Success() || Failure()", True, True, False)],
    ],
)
def test_conditions(written: Value, after_success: bool, after_failure: bool, when_cancelled: bool) -> None:
    expression = condition(written)
    ends = [Status(), Status(success=False, failure=True), Status(success=False, cancelled=True)]
    assert [holds(expression, CONTEXTS, end) for end in ends] == [after_success, after_failure, when_cancelled]


def test_a_condition_that_github_refuses_is_refused() -> None:
    with pytest.raises(ExpressionError, match="Unrecognized named-value: 'branch'"):
        condition("branch == 'main'")
