"""How runs go: outputs, conditions and composite actions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.unit.sandbox.github.playing import ends, log_of, play

if TYPE_CHECKING:
    from sandbox.github import GitHubStandIn, Repository


@pytest.fixture
def repository(stand_in: GitHubStandIn) -> Repository:
    return stand_in.repository("PermanentOrg/application")


LISTS = """
  list:
    runs-on: ubuntu-latest
    outputs:
      cells: ${{ steps.lists.outputs.cells }}
      first: ${{ steps.lists.outputs.first }}
    steps:
      - uses: actions/checkout@v4
      - id: lists
        env: {TARGET: "${{ inputs.env }}"}
        run: |
          SHORT="${GITHUB_SHA::7}"
          echo "cells=$(cat cells.json)" >> "$GITHUB_OUTPUT"
          echo first=$TARGET-$SHORT | tee -a $GITHUB_OUTPUT
  deploy:
    needs: list
    name: ${{ matrix.cell.name }} of ${{ needs.list.outputs.first }}
    strategy: {matrix: {cell: "${{ fromJSON(needs.list.outputs.cells) }}"}}
    runs-on: ["self-hosted", "${{ matrix.cell.runner || 'small' }}"]
    steps: [{run: echo}]
"""

# GitHub evaluates no name of a job that does not run.
NAME = "${{ matrix.cell.name }} of ${{ needs.list.outputs.first }}"


async def test_a_matrix_may_come_from_what_a_script_writes(repository: Repository) -> None:
    cells = '[{"name": "eu", "runner": "big"}, {"name": "us"}]\n'
    run = await play(repository, LISTS, {"cells.json": cells}, env="qa")
    short = run.commit.sha[:7]
    assert ends(run) == {"list": "success", f"eu of qa-{short}": "success", f"us of qa-{short}": "success"}
    assert [job.labels for job in run.jobs[1:]] == [("self-hosted", "big"), ("self-hosted", "small")]


async def test_without_a_checkout_a_script_sees_no_files(repository: Repository) -> None:
    run = await play(repository, LISTS.replace("      - uses: actions/checkout@v4\n", ""), {"cells.json": "[1]"})
    assert run.conclusion == "failure"
    assert "##[error]The sandbox cannot play this job: the repository has no file cells.json." in log_of(run, NAME)


async def test_what_a_shell_would_make_is_refused_by_name_and_can_be_given(repository: Repository) -> None:
    jobs = LISTS.replace("$(cat cells.json)", "$(ls -d envs/*/)")
    run = await play(repository, jobs)
    assert (run.conclusion, ends(run)["list"]) == ("failure", "success")
    assert "no shell runs here, so that the output of `ls -d envs/*/` is not known" in log_of(run, NAME)
    repository.settings.outputs["try.yml", "list", "cells"] = '[{"name": "eu"}]'
    repository.settings.outputs["try.yml", "list", "first"] = "x"
    assert ends(await play(repository, jobs)) == {"list": "success", "eu of x": "success"}


CONDITIONS = """
  a: {runs-on: x, outputs: {go: "${{ steps.s.outputs.go }}"}, steps: [{id: s, run: 'echo "go=yes" >> $GITHUB_OUTPUT'}]}
  b: {needs: a, if: "needs.a.outputs.go == 'YES'", runs-on: x, steps: [{run: echo}]}
  c: {needs: a, if: "inputs.dry && needs.a.outputs.go == 'yes'", runs-on: x, steps: [{run: echo}]}
  d: {needs: c, runs-on: x, steps: [{run: echo}]}
  e: {needs: [c, b], if: "!cancelled() && needs.c.result == 'skipped'", runs-on: x, steps: [{run: echo}]}
  f:
    runs-on: x
    continue-on-error: true
    env: {LEVEL: "${{ inputs.env }}"}
    steps:
      - {id: plan, run: plan, continue-on-error: true}
      - {name: "Told ${{ steps.plan.outcome }} ${{ steps.plan.conclusion }} ${{ env.LEVEL }}", run: echo}
      - {name: Skipped, if: "env.LEVEL != 'dev'", run: echo}
      - {name: Last, run: exit}
  g: {needs: f, if: "needs.f.result == 'success'", runs-on: x, steps: [{run: echo}]}
"""


async def test_conditions_see_results_outputs_inputs_and_the_environment(repository: Repository) -> None:
    repository.fail_next("try.yml", job="f", step="Run plan")
    run = await play(repository, CONDITIONS)
    assert ends(run) == {
        "a": "success",
        "b": "success",
        "c": "skipped",
        "d": "skipped",
        "e": "success",
        "f": "success",
        "g": "success",
    }
    job = next(job for job in run.jobs if job.name == "f")
    assert [(step.name, step.conclusion) for step in job.steps[1:-1]] == [
        ("Run plan", "success"),
        ("Told failure success dev", "success"),
        ("Skipped", "skipped"),
        ("Last", "success"),
    ]


async def test_a_job_that_may_fail_leaves_the_run_green(repository: Repository) -> None:
    repository.fail_next("try.yml", job="f", step="Last")
    run = await play(repository, CONDITIONS, dry="true")
    assert (run.conclusion, ends(run)["f"], ends(run)["g"], ends(run)["d"]) == (
        "success",
        "failure",
        "success",
        "success",
    )


COMPOSITE = """
name: Prepare
inputs: {where: {default: here}, what: {required: true}}
outputs: {found: {value: "${{ steps.look.outputs.found }}"}}
runs:
  using: composite
  steps:
    - {id: look, shell: bash, run: 'echo "found=${{ inputs.what }}-${{ inputs.where }}" >> $GITHUB_OUTPUT'}
    - {if: "inputs.where == 'there'", uses: ./.github/actions/inner}
    - {uses: hashicorp/setup-terraform@v3}
"""
USES = """
  a:
    runs-on: x
    steps:
      - uses: actions/checkout@v4
      - {id: prepare, uses: ./.github/actions/prepare, with: {what: "${{ inputs.env }}"}}
      - {name: "Found ${{ steps.prepare.outputs.found }}", run: echo}
"""


async def test_a_composite_action_of_the_repository_is_one_step(repository: Repository) -> None:
    inner = "runs: {using: composite, steps: [{run: x, shell: bash}]}"
    files = {".github/actions/prepare/action.yml": COMPOSITE, ".github/actions/inner/action.yaml": inner}
    run = await play(repository, USES, files)
    assert [step.name for step in run.jobs[0].steps] == [
        "Set up job",
        "Run actions/checkout@v4",
        "Run ./.github/actions/prepare",
        "Found dev-here",
        "Complete job",
    ]
    assert run.conclusion == "success"
    without = await play(repository, USES.replace("      - uses: actions/checkout@v4\n", ""), files)
    assert "Did you forget to run actions/checkout before running your local action?" in log_of(without, "a")
    assert without.conclusion == "failure"


async def test_an_action_of_the_repository_may_be_used_by_its_full_name(repository: Repository) -> None:
    files = {"tools/action.yml": "runs: {using: composite, steps: [{run: x, shell: bash}]}"}
    run = await play(repository, "  a: {runs-on: x, steps: [{uses: permanentorg/application/tools@main}]}", files)
    assert run.conclusion == "success"


OUTPUTS = """
  a:
    runs-on: x
    outputs: {number: "${{ 1.50 }}", none: "${{ github.nope }}", yes: "${{ 1 == 1 }}", list: "${{ toJSON(fromJSON('[1]')) }}"}
    steps: [{run: echo}]
  b: {needs: a, runs-on: x, if: "needs.a.outputs.yes == 'true' && needs.a.outputs.none == ''", steps: [{run: x}]}
"""


async def test_outputs_are_texts(repository: Repository) -> None:
    run = await play(repository, OUTPUTS)
    assert run.jobs[0].outputs == {"number": "1.5", "none": "", "yes": "true", "list": "[\n  1\n]"}
    assert ends(run) == {"a": "success", "b": "success"}


async def test_the_last_steps_of_a_job_that_cannot_be_played_still_run(repository: Repository) -> None:
    jobs = """
  a: {runs-on: x, outputs: {o: "${{ steps.s.outputs.o }}"}, steps: [{id: s, run: './list >> $GITHUB_OUTPUT'}]}
  b:
    needs: a
    if: needs.a.outputs.o == 'x'
    runs-on: x
    steps: [{name: Notify, if: always(), env: {KEY: "${{ secrets.KEY }}-${{ github.ref }}"}, run: echo}]
"""
    run = await play(repository, jobs)
    assert [(step.name, step.conclusion) for step in run.jobs[1].steps] == [
        ("Set up job", "failure"),
        ("Notify", "success"),
        ("Complete job", "success"),
    ]
