"""Workflows that jobs call."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sandbox.github.workflow_file import FOLDER
from tests.unit.sandbox.github.playing import STEPS, ends, play

if TYPE_CHECKING:
    from sandbox.github import GitHubStandIn, Repository


# GitHub evaluates no name of a job that does not run.
AFTER = "After ${{ needs.all.outputs.last }}"


@pytest.fixture
def repository(stand_in: GitHubStandIn) -> Repository:
    return stand_in.repository("PermanentOrg/application")


CALLER = f"""
  first:
    {STEPS}
  all:
    needs: first
    strategy: {{matrix: {{cell: [eu, us]}}}}
    uses: ./.github/workflows/cell.yml
    with: {{cell: "${{{{ matrix.cell }}}}", dry: "${{{{ inputs.dry }}}}"}}
    secrets: inherit
  after:
    needs: all
    name: After ${{{{ needs.all.outputs.last }}}}
    {STEPS}
"""
CELL = """
on:
  workflow_call:
    inputs: {cell: {type: string, required: true}, dry: {type: boolean, default: true}, size: {type: number, default: 2}}
    outputs: {last: {value: "${{ jobs.plan.outputs.done }}-${{ inputs.size + '' }}"}}
    secrets: {KEY: {required: false}}
jobs:
  plan:
    runs-on: x
    outputs: {done: "${{ steps.s.outputs.done }}"}
    steps: [{id: s, run: 'echo "done=${{ inputs.cell }}" >> $GITHUB_OUTPUT'}]
  apply:
    name: Apply to ${{ inputs.cell }}
    needs: plan
    if: inputs.dry == false
    uses: ./.github/workflows/apply.yml
""".replace(" + ''", "")
APPLY = "on: workflow_call\njobs: {apply: {runs-on: x, steps: [{run: apply}]}, check: {needs: apply, runs-on: x, steps: [{run: x}]}}"
CALLED = {f"{FOLDER}cell.yml": CELL, f"{FOLDER}apply.yml": APPLY}


async def test_called_workflows_are_named_after_their_callers(repository: Repository) -> None:
    run = await play(repository, CALLER, CALLED)
    inner = [f"all ({cell}) / Apply to {cell} / {job}" for job in ("apply", "check") for cell in ("eu", "us")]
    assert sorted(ends(run)) == sorted(["first", "all (eu) / plan", "all (us) / plan", *inner, "After us-2"])
    assert run.conclusion == "success"


async def test_a_skipped_caller_is_one_skipped_job(repository: Repository) -> None:
    run = await play(repository, CALLER, CALLED, dry="true")
    assert ends(run)["all (eu) / Apply to ${{ inputs.cell }}"] == "skipped"
    assert ends(run)["After us-2"] == "success"


async def test_a_rerun_goes_on_within_a_called_workflow(repository: Repository) -> None:
    repository.fail_next("try.yml", job="all (eu) / Apply to eu / apply")
    jobs = CALLER.replace("strategy: {matrix", "strategy: {fail-fast: false, matrix")
    run = await play(repository, jobs, CALLED)
    assert (ends(run)["all (eu) / Apply to eu / check"], ends(run)[AFTER], run.conclusion) == (
        "skipped",
        "skipped",
        "failure",
    )
    repository.rerun(run, failed_only=True, actor="ana-duarte")
    await repository.ended(run)
    again = {job.name for job in run.jobs if job.attempt == 2 and not job.carried}
    assert again == {"all (eu) / Apply to eu / apply", "all (eu) / Apply to eu / check", "After us-2"}
    assert run.conclusion == "success"


async def test_a_failed_cell_ends_the_others_unless_told_otherwise(repository: Repository) -> None:
    repository.fail_next("try.yml", job="all (eu) / plan")
    repository.hang_next("try.yml", job="all (us) / plan")
    run = await play(repository, CALLER, CALLED)
    assert (ends(run)["all (eu) / plan"], ends(run)["all (us) / plan"], ends(run)[AFTER]) == (
        "failure",
        "cancelled",
        "skipped",
    )


@pytest.mark.parametrize(
    ("files", "problem"),
    [
        ({f"{FOLDER}cell.yml": None}, "workflow was not found"),
        (
            {f"{FOLDER}cell.yml": "on: push\njobs: {a: {runs-on: x, steps: [{run: x}]}}"},
            "missing a `on.workflow_call` trigger",
        ),
        (
            {f"{FOLDER}cell.yml": CELL.replace("cell: {type", "cel: {type")},
            "cell is not defined in the referenced workflow",
        ),
        (
            {
                f"{FOLDER}cell.yml": CELL.replace(
                    "size: {type: number, default: 2}", "size: {type: number, required: true}"
                )
            },
            "Input size is required",
        ),
        ({f"{FOLDER}cell.yml": CELL.replace("cell: {type: string", "cell: {type: number")}, "Error parsing fromJson"),
        ({f"{FOLDER}cell.yml": CELL.replace("plan:", "plan: plan")}, "error parsing called workflow"),
        (
            {
                f"{FOLDER}apply.yml": APPLY.replace(
                    "{runs-on: x, steps: [{run: apply}]}", "{uses: ./.github/workflows/apply.yml}"
                )
            },
            "at most 10 levels",
        ),
    ],
)
async def test_a_call_that_github_refuses_fails_the_run(
    repository: Repository, files: dict[str, str | None], problem: str
) -> None:
    called = {path: text for path, text in {**CALLED, **files}.items() if text is not None}
    run = await play(repository, CALLER, called)
    assert run.conclusion == "failure"
    assert problem in run.problems[0]


async def test_a_workflow_of_the_repository_may_be_called_by_its_full_name(repository: Repository) -> None:
    jobs = CALLER.replace("uses: ./.github", "uses: PermanentOrg/application/.github").replace(
        "cell.yml\n", "cell.yml@main\n"
    )
    run = await play(repository, jobs, CALLED)
    assert ends(run)["After us-2"] == "success"


async def test_an_input_that_is_null_is_given_and_empty(repository: Repository) -> None:
    run = await play(
        repository, CALLER.replace('cell: "${{ matrix.cell }}"', 'cell: "${{ needs.first.outputs.no }}"'), CALLED
    )
    assert ends(run)["all (eu) / Apply to  / apply"] == "success"
    assert ends(run)["After -2"] == "success"
