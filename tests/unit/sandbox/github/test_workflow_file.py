from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sandbox.github.play.strategy import Strategy
from sandbox.github.seed import infrastructure_files
from sandbox.github.workflow_file import FOLDER, UnreadableFileError, WorkflowFileError, parse

if TYPE_CHECKING:
    from sandbox.github.workflow_model import JobFile

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


def names(job: JobFile, inputs: dict[str, str] | None = None) -> list[str]:
    return [variant.name for variant in Strategy.of(job, {"inputs": inputs or {}, "needs": {}}).variants]


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
    assert names(first) == ["first (a, x)", "first (a, y)", "first (b, x)"]
    strategy = Strategy.of(first, {"inputs": {}})
    assert (strategy.fail_fast, strategy.at_once) == (False, 2)
    assert (second.needs, second.condition) == (("first",), "always()")
    assert names(second, {"mark": "7"}) == ["After 7"]


@pytest.mark.parametrize(
    ("written", "problem"),
    [
        (WORKFLOW.replace("needs:", "nedes:"), "jobs.second: unknown key nedes"),
        (WORKFLOW.replace("run: make", "rnu: make"), "unknown key rnu"),
        (WORKFLOW.replace("jobs:", "jbos:"), "unknown key jbos"),
        ("on: push\nname: Empty", "no jobs"),
        ("- a\n- b", "no mapping"),
        ("a: [", "while parsing"),
        (WORKFLOW.replace("needs: [first]", "needs: [frist]"), "Job 'second' depends on unknown job 'frist'."),
        (
            WORKFLOW.replace("steps: [{name", "needs: [second]\n    steps: [{name").replace("    needs: [first]\n", ""),
            "need",
        ),
        (WORKFLOW.replace("runs-on: ubuntu-latest\n    strategy", "strategy"), "missing: runs-on"),
        (WORKFLOW.replace("    steps: [{name: Say, run: echo}]", ""), "missing: steps"),
        (WORKFLOW.replace("{name: Say, run: echo}", "{name: Say}"), "a step needs run or uses"),
        (WORKFLOW.replace("checkout@v4", "checkout"), "Expected format {org}/{repo}"),
        (WORKFLOW.replace("type: choice", "type: chioce"), "level has the unknown type 'chioce'"),
        (WORKFLOW.replace("run: echo", "run: 'echo ${{ inputs.mark'"), "The expression is not closed"),
        (WORKFLOW.replace("run: echo", "run: 'echo ${{ hash(1) }}'"), "Unrecognized function: 'hash'"),
        (WORKFLOW.replace("run: echo", "run: 'echo ${{ input.mark }}'"), "Unrecognized named-value: 'input'"),
        (WORKFLOW.replace("run: echo", "run: 'echo ${{ inputs.mark ?? 1 }}'"), r"Unexpected symbol: '\?\?'"),
        (WORKFLOW.replace("${{ always() }}", "inputs.mark = 1"), "Unexpected symbol: '='"),
        (WORKFLOW.replace("    needs: [first]", "    env: [a]"), "a mapping was expected"),
    ],
)
def test_what_github_refuses_is_refused(written: str, problem: str) -> None:
    with pytest.raises(WorkflowFileError, match=problem):
        parse("try.yml", written)


@pytest.mark.parametrize("written", ["a: [", "- a", "text"])
def test_what_is_no_yaml_mapping_is_told_apart(written: str) -> None:
    with pytest.raises(UnreadableFileError):
        parse("try.yml", written)


# The core schema of YAML 1.2, as in its examples: https://yaml.org/spec/1.2.2/#103-core-schema
@pytest.mark.parametrize(
    ("written", "value"),
    [
        *[("on", "on"), ("yes", "yes"), ("NO", "NO"), ("true", True), ("FALSE", False), ("~", None), ("", None)],
        *[("12:30", "12:30"), ("2026-01-01", "2026-01-01"), ("1_000", "1_000"), ("0o14", 12), ("0x1F", 31)],
        *[("014", 14), ("-0", 0), ("3.10", 3.1), ("1e3", 1000.0), (".5", 0.5), ("-.inf", float("-inf"))],
    ],
)
def test_scalars_are_those_of_yaml_1_2(written: str, value: object) -> None:
    text = f"on: push\nenv: {{a: {written}}}\njobs: {{b: {{runs-on: x, steps: [{{run: x}}]}}}}"
    env = parse("try.yml", text).env
    assert env == {"a": value}
    assert isinstance(env, dict)
    assert type(env["a"]) is type(value)


def test_every_workflow_of_the_infrastructure_can_be_read() -> None:
    files = {path: parse(path, text) for path, text in infrastructure_files().items() if path.startswith(FOLDER)}
    build = files[FOLDER + "build-images.yml"]
    assert [len(names(job)) for job in build.jobs] == [4, 12, 1]
    assert sum(file.inputs is not None for file in files.values()) == 5
