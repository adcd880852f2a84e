"""Matrices: the examples of GitHub's documentation and the rules of actions/runner's MatrixBuilder, with made-up values."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, strategies as st

from sandbox.github.expressions import ExpressionError
from sandbox.github.matrix import LONGEST_NAME, combinations, named
from sandbox.github.play.strategy import Strategy
from sandbox.github.workflow_file import parse

if TYPE_CHECKING:
    from sandbox.github.expressions import Value


def combined(matrix: Value) -> list[object]:
    return [combination for combination, _ in combinations(matrix)]


def in_brackets(matrix: Value) -> list[str]:
    return [name for _, name in combinations(matrix)]


def test_the_first_axis_changes_slowest() -> None:
    assert in_brackets({"os": ["u22", "u20"], "version": [10, 12]}) == ["u22, 10", "u22, 12", "u20, 10", "u20, 12"]
    assert combined(None) == [{}]


def test_an_include_extends_what_it_does_not_change_and_else_is_one_more() -> None:
    matrix: Value = {
        "fruit": ["apple", "pear"],
        "animal": ["cat", "dog"],
        "include": [
            {"color": "green"},
            {"color": "pink", "animal": "cat"},
            {"fruit": "apple", "shape": "circle"},
            {"fruit": "banana"},
            {"fruit": "banana", "animal": "cat"},
        ],
    }
    assert combined(matrix) == [
        {"fruit": "apple", "animal": "cat", "color": "pink", "shape": "circle"},
        {"fruit": "apple", "animal": "dog", "color": "green", "shape": "circle"},
        {"fruit": "pear", "animal": "cat", "color": "pink"},
        {"fruit": "pear", "animal": "dog", "color": "green"},
        {"fruit": "banana"},
        {"fruit": "banana", "animal": "cat"},
    ]
    # What an include adds to a combination is not in the job's name, what it makes itself is.
    assert in_brackets(matrix) == ["apple, cat", "apple, dog", "pear, cat", "pear, dog", "banana", "banana, cat"]


def test_a_matrix_may_have_includes_alone() -> None:
    matrix: Value = {"include": [{"site": "production", "dc": "a"}, {"dc": "b", "site": "staging"}]}
    assert in_brackets(matrix) == ["production, a", "b, staging"]


def test_an_exclude_takes_away_what_it_fits_before_includes() -> None:
    matrix: Value = {
        "os": ["linux", "mac"],
        "version": [12, 14],
        "exclude": [{"os": "MAC", "version": "12"}, {"version": 14}],
        "include": [{"os": "mac", "version": 12}],
    }
    assert in_brackets(matrix) == ["linux, 12", "mac, 12"]


def test_filters_reach_into_objects_and_compare_loosely() -> None:
    cells: Value = [{"name": "eu", "zone": {"id": 1}}, {"name": "us", "zone": {"id": 2}}, "plain"]
    matrix: Value = {
        "cell": cells,
        "exclude": [{"cell": {"zone": {"id": "2"}}}],
        "include": [{"cell": {"name": "EU"}, "big": True}],
    }
    assert combined(matrix) == [{"cell": {"name": "eu", "zone": {"id": 1}}, "big": True}, {"cell": "plain"}]
    # Without a value to compare, nothing contradicts.
    assert combined({"a": [1], "include": [{"a": {}, "b": 2}]}) == [{"a": 1, "b": 2}]


def test_when_all_is_excluded_the_job_runs_without_a_matrix() -> None:
    assert combinations({"a": [1], "exclude": [{"a": 1}]}) == [({}, "")]


def test_objects_are_named_by_the_values_in_them() -> None:
    cell: Value = {"name": "eu", "zones": ["a", {"id": 2}], "on": True, "none": None, "blank": "", "share": 1.50}
    assert in_brackets({"cell": [cell], "os": ["linux"]}) == ["eu, a, 2, true, 1.5, linux"]


def test_long_names_end_in_dots() -> None:
    assert named("build", "a" * 92) == "build (" + "a" * 92 + ")"
    assert named("build", "a" * 93) == "build (" + "a" * 90 + "..."
    assert len(named("b" * 200, "")) == LONGEST_NAME


@pytest.mark.parametrize(
    ("matrix", "problem"),
    [
        *[
            ({}, "at least one vector"),
            ({"include": []}, "at least one vector"),
            ({"a": []}, "'a' does not contain any values"),
        ],
        *[
            ({"a": "x"}, "'a': a sequence was expected"),
            ("x", "a mapping was expected"),
            ({"a": None}, "a sequence was expected"),
        ],
        *[
            ({"a": [1], "include": {"b": 1}}, "matrix includes: a sequence"),
            ({"a": [1], "exclude": ["b"]}, "a mapping was expected"),
        ],
        *[
            ({"a": [1], "exclude": [{"b": 1}]}, "exclude key 'b' does not match any key"),
            ({"a": [1], "include": [{}]}, "does not contain any"),
        ],
        *[({"a": list(range(257))}, "257 jobs: GitHub takes 256")],
    ],
)
def test_what_github_refuses_is_refused(matrix: Value, problem: str) -> None:
    with pytest.raises(ExpressionError, match=problem):
        combinations(matrix)


AXES = st.dictionaries(st.sampled_from("abc"), st.lists(st.integers(0, 3), min_size=1, max_size=3), min_size=1)


@given(AXES, st.lists(st.dictionaries(st.sampled_from("abcd"), st.integers(0, 3), min_size=1), max_size=4))
def test_includes_go_where_the_documentation_says(axes: dict[str, list[int]], include: list[dict[str, int]]) -> None:
    products = [dict(zip(axes, values, strict=True)) for values in itertools.product(*axes.values())]
    expected, used = [dict(product) for product in products], set()
    for number, entry in enumerate(include):
        for product, whole in zip(products, expected, strict=True):
            if all(product[key] == value for key, value in entry.items() if key in axes):
                whole.update({key: value for key, value in entry.items() if key not in axes})
                used.add(number)
    expected += [entry for number, entry in enumerate(include) if number not in used]
    assert combined({**axes, "include": include}) == expected


@given(AXES, st.lists(st.dictionaries(st.sampled_from("abc"), st.integers(0, 3), min_size=1), max_size=3))
def test_excludes_take_away_what_they_fit(axes: dict[str, list[int]], exclude: list[dict[str, int]]) -> None:
    filters = [{key: value for key, value in entry.items() if key in axes} for entry in exclude]
    matrix: Value = {**axes, "exclude": [entry for entry in filters if entry]}
    products = [dict(zip(axes, values, strict=True)) for values in itertools.product(*axes.values())]
    expected = [
        product
        for product in products
        if not any(entry and all(product[key] == value for key, value in entry.items()) for entry in filters)
    ]
    assert combined(matrix) == (expected or [{}])


JOB = "on: push\njobs: {build: {runs-on: x, steps: [{run: make}], strategy: {matrix: {cell: [eu, us]}}, name: NAME}}"


@pytest.mark.parametrize(
    ("name", "names"),
    [
        ("Build", ["Build (eu)", "Build (us)"]),
        ("'In ${{ matrix.cell }}'", ["In eu", "In us"]),
        ("", ["build (eu)", "build (us)"]),
    ],
)
def test_a_name_with_an_expression_has_no_values_after_it(name: str, names: list[str]) -> None:
    (job,) = parse("a.yml", JOB.replace("NAME", name)).jobs
    assert [variant.name for variant in Strategy.of(job, {}).variants] == names


def test_a_whole_strategy_may_come_from_an_output() -> None:
    text = "on: push\njobs: {a: {runs-on: x, steps: [{run: x}], strategy: '${{ fromJSON(needs.b.outputs.s) }}'}}"
    (job,) = parse("a.yml", text).jobs
    output = '{"matrix": {"include": [{"dir": "net", "order": 1}, {"dir": "dns", "order": 2}]}, "max-parallel": 1}'
    strategy = Strategy.of(job, {"needs": {"b": {"outputs": {"s": output}}}})
    assert [variant.name for variant in strategy.variants] == ["a (net, 1)", "a (dns, 2)"]
    assert (strategy.at_once, strategy.fail_fast) == (1, True)
    assert strategy.variants[1].contexts["strategy"] == {
        "fail-fast": True,
        "job-index": 1,
        "job-total": 2,
        "max-parallel": 1,
    }


@pytest.mark.parametrize("limit", ["0", "x", "[1]"])
def test_a_limit_that_is_no_number_is_refused(limit: str) -> None:
    (job,) = parse("a.yml", JOB.replace("{matrix:", f"{{max-parallel: {limit}, matrix:")).jobs
    with pytest.raises(ExpressionError, match="max-parallel"):
        Strategy.of(job, {})
