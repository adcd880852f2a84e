from __future__ import annotations

import pytest

from sandbox.github.expressions import ExpressionError, condition, expand, holds
from sandbox.github.seed import infrastructure_files
from sandbox.github.workflow_file import FOLDER, WorkflowFileError, expand_matrix, parse

WORKFLOW = """
name: Try
run-name: Try ${{ inputs.mark }}
on:
  workflow_dispatch:
    inputs:
      mark: {required: true, type: string}
      level: {type: choice, options: [low, high], default: low}
      dry: {type: boolean, default: false}
jobs:
  first:
    runs-on: ubuntu-latest
    strategy: {fail-fast: false, max-parallel: 2, matrix: {machine: [a, b], env: [x, y], exclude: [{machine: b, env: y}]}}
    steps:
      - uses: actions/checkout@v4
      - run: make ${{ matrix.machine }}
  second:
    name: After ${{ inputs.mark }}
    needs: [first]
    if: ${{ always() }}
    runs-on: ubuntu-latest
    steps: [{name: Say, run: echo}]
"""


def test_a_workflow_is_read_with_inputs_matrix_and_needs() -> None:
    file = parse(".github/workflows/try.yml", WORKFLOW)
    assert set(file.triggers) == {"workflow_dispatch"}
    assert file.inputs is not None
    assert [(item.name, item.required, item.default) for item in file.inputs] == [
        ("mark", True, None),
        ("level", False, "low"),
        ("dry", False, "false"),
    ]
    first, second = file.jobs
    assert [first.display_name(matrix, {}) for matrix in first.matrix] == [
        "first (a, x)",
        "first (a, y)",
        "first (b, x)",
    ]
    assert (first.fail_fast, first.max_parallel) == (False, 2)
    assert (second.needs, second.condition) == (("first",), "always()")
    assert second.display_name({}, {"mark": "7"}) == "After 7"


@pytest.mark.parametrize(
    ("written", "problem"),
    [
        (WORKFLOW.replace("needs:", "nedes:"), "jobs.second: unknown key nedes"),
        (WORKFLOW.replace("run: make", "rnu: make"), "unknown key rnu"),
        (WORKFLOW.replace("jobs:", "jbos:"), "unknown key jbos"),
        ("on: push\nname: Empty", "no jobs"),
        ("- a\n- b", "no mapping"),
        ("a: [", "while parsing"),
    ],
)
def test_what_is_not_known_is_refused(written: str, problem: str) -> None:
    with pytest.raises(WorkflowFileError, match=problem):
        parse("try.yml", written)


def test_include_adds_combinations() -> None:
    assert expand_matrix({"a": [1], "include": [{"a": 2, "b": 3}]}) == ({"a": "1"}, {"a": "2", "b": "3"})
    assert expand_matrix({}) == ({},)


def test_every_workflow_of_the_infrastructure_can_be_read() -> None:
    files = {path: parse(path, text) for path, text in infrastructure_files().items() if path.startswith(FOLDER)}
    build = files[FOLDER + "build-images.yml"]
    assert [len(job.matrix) for job in build.jobs] == [4, 12, 1]
    assert sum(file.inputs is not None for file in files.values()) == 4


@pytest.mark.parametrize("text", ["${{ env.HOME }}", "${{ matrix }}", "${{ fromJSON(inputs.x) }}"])
def test_an_expression_that_cannot_be_computed_for_is_an_error(text: str) -> None:
    with pytest.raises(ExpressionError):
        expand(text, {"matrix": {}, "inputs": {}})


def test_expressions_are_filled_in_and_secrets_are_not() -> None:
    assert expand("${{ matrix.a }}-${{inputs.b}}-${{ secrets.KEY }}", {"matrix": {"a": "1"}, "inputs": {}}) == "1--***"


@pytest.mark.parametrize(
    ("written", "after_success", "after_failure", "when_cancelled"),
    [
        (None, True, False, False),
        ("success()", True, False, False),
        ("${{ always() }}", True, True, True),
        ("failure()", False, True, False),
        ("cancelled()", False, False, True),
        ("${{ !cancelled() }}", True, True, False),
    ],
)
def test_status_functions(written: str | None, after_success: bool, after_failure: bool, when_cancelled: bool) -> None:
    function = condition(written)
    assert holds(function, failed=False, cancelled=False) is after_success
    assert holds(function, failed=True, cancelled=False) is after_failure
    assert holds(function, failed=False, cancelled=True) is when_cancelled


def test_a_condition_that_is_no_status_function_is_an_error() -> None:
    with pytest.raises(ExpressionError):
        condition("github.ref == 'refs/heads/main'")
