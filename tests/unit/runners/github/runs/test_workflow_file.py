"""What a workflow's file says: its trigger, its inputs, the jobs of its matrices; and bad files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import yaml

from runners.errors import NotFoundError, RunnerError
from runners.github.runs import workflow_file
from runners.github.runs.workflow_file import Input, parse

if TYPE_CHECKING:
    from runners.github import GitHub
    from sandbox.github import GitHubStandIn

REPOSITORY = "PermanentOrg/infrastructure"
BUILD = "build-images.yml"
PATH = f".github/workflows/{BUILD}"
MATRIX = """
name: Build
on: workflow_dispatch
jobs:
  build:
    strategy:
      matrix:
        machine: [backend, cron]
        environment: [dev, prod]
        exclude:
          - {machine: cron, environment: prod}
  notify: {}
"""


@pytest.mark.parametrize(
    ("on", "dispatchable"),
    [
        ("on: workflow_dispatch", True),
        ("'on': workflow_dispatch", True),
        ("on: [push, workflow_dispatch]", True),
        ("on:\n  workflow_dispatch:", True),
        ("on:\n  workflow_dispatch: {inputs: {}}\n  push: {}", True),
        ("on: push", False),
        ("on: [push, pull_request]", False),
        ("on:\n  push:\n    branches: [workflow_dispatch]", False),
        ("name: x", False),
    ],
)
def test_whether_it_can_be_dispatched_is_read_from_its_triggers(on: str, dispatchable: bool) -> None:
    assert parse(BUILD, on.encode()).dispatchable is dispatchable


def test_inputs_are_read_with_what_they_take() -> None:
    file = parse(
        BUILD,
        b"""
on:
  workflow_dispatch:
    inputs:
      machines: {description: which, required: true, default: all}
      environment: {type: choice, options: [all, dev, 7]}
      dry: {type: boolean, default: false}
      bare:
""",
    )
    assert file.inputs == (
        Input("machines", required=True, default="all", description="which"),
        Input("environment", options=("all", "dev", "7"), type="choice"),
        Input("dry", default="false", type="boolean"),
        Input("bare"),
    )


def test_the_jobs_of_a_matrix_are_named_as_github_shows_them() -> None:
    assert parse(BUILD, MATRIX.encode()).jobs == ("build (backend, dev)", "build (backend, prod)", "build (cron, dev)")


@pytest.mark.parametrize(
    "matrix",
    ["${{ fromJSON(inputs.machines) }}", "{machine: '${{ fromJSON(inputs.machines) }}'}", "[backend]", "7"],
)
def test_what_only_the_run_will_tell_is_not_guessed(matrix: str) -> None:
    text = f"on: workflow_dispatch\njobs:\n  build:\n    strategy:\n      matrix: {matrix}\n"
    assert parse(BUILD, text.encode()).jobs == ()


@pytest.mark.parametrize("text", ["", "7", "- a", "on: [", "a: b: c", "jobs: {build: 7}\non: {workflow_dispatch: 3}"])
def test_a_file_that_is_no_workflow_is_an_error_or_empty(text: str) -> None:
    try:
        file = parse(BUILD, text.encode())
    except (TypeError, ValueError, yaml.YAMLError):
        return
    assert not file.inputs
    assert not file.jobs


def test_a_huge_matrix_stays_bounded() -> None:
    many = ", ".join(str(number) for number in range(3_000))
    text = f"on: workflow_dispatch\njobs: {{b: {{strategy: {{matrix: {{x: [{many}], y: [{many}], z: [{many}]}}}}}}}}"
    assert len(parse(BUILD, text.encode()).jobs) == workflow_file.MOST_JOBS


async def test_a_file_is_read_at_the_ref_that_is_asked_for(github: GitHub, stand_in: GitHubStandIn) -> None:
    repository = stand_in.repository(REPOSITORY)
    text = repository.graph.resolve("main").files[PATH].decode()
    repository.graph.branch("chosen/few", "main")
    inputs = "workflow_dispatch:\n    inputs:\n      machines: {required: false}"
    repository.commit("chosen/few", {PATH: text.replace("workflow_dispatch:", inputs)}, "Take machines")
    here = await workflow_file.read(github, REPOSITORY, BUILD, "main")
    there = await workflow_file.read(github, REPOSITORY, BUILD, "chosen/few")
    assert (here.dispatchable, here.inputs, len(here.jobs)) == (True, (), 16)
    assert [item.name for item in there.inputs] == ["machines"]


async def test_a_file_that_is_not_there_is_said_with_its_ref(github: GitHub) -> None:
    for workflow, ref in (("none.yml", "main"), (BUILD, "nowhere"), ("../../README.md", "main")):
        with pytest.raises(NotFoundError, match=r"there is no \.github/workflows/") as caught:
            await workflow_file.read(github, REPOSITORY, workflow, ref)
        assert caught.value.doing == f"reading {workflow} at {ref} in {REPOSITORY}"


async def test_a_file_that_cannot_be_read_is_said(github: GitHub, stand_in: GitHubStandIn) -> None:
    graph = stand_in.repository(REPOSITORY).graph
    graph.branch("broken", "main")
    for text in ("on: [", "- a", "\x00"):
        graph.commit("broken", {PATH: text}, "Break", stand_in.repository(REPOSITORY).graph.resolve("main").author)
        with pytest.raises(RunnerError, match="no workflow that I can read"):
            await workflow_file.read(github, REPOSITORY, BUILD, "broken")


async def test_whether_a_workflow_is_switched_off_is_told(github: GitHub, stand_in: GitHubStandIn) -> None:
    assert await workflow_file.state(github, REPOSITORY, BUILD) == "active"
    existing = stand_in.repository(REPOSITORY).workflow(BUILD)
    assert existing is not None
    existing.state = "disabled_inactivity"
    assert await workflow_file.state(github, REPOSITORY, BUILD) == "disabled_inactivity"
    with pytest.raises(NotFoundError, match=r"knows no workflow none\.yml"):
        await workflow_file.state(github, REPOSITORY, "none.yml")


@pytest.mark.parametrize(
    ("names", "displayed"),
    [
        ("run-name: 'Deploy ${{ inputs.mark }}'", {"mark"}),
        ("run-name: ${{inputs.mark}} by ${{ github.actor }} to ${{ github.event.inputs.where }}", {"mark", "where"}),
        ("run-name: \"${{ format('Deploy {0} ({1})', github.ref, inputs.mark) }}\"", {"mark"}),
        ("run-name: \"${{ format('Deploy {0}', github.ref, inputs.mark) }}\"", set()),
        ("run-name: \"${{ inputs.mark && 'marked' }}\"", set()),
        ("run-name: Deploy inputs.mark", set()),
        ("name: 'Deploy ${{ inputs.mark }}'", set()),  # a workflow's name has no expressions
        ("jobs: {a: {name: 'x ${{ inputs.mark }}'}}", {"mark"}),
        ("jobs: {a: {name: 'x ${{ inputs.mark }}', if: failure()}}", set()),
        ("jobs: {a: {}, b: {name: 'x ${{ inputs.mark }}', needs: a}}", set()),
    ],
)
def test_the_inputs_that_github_will_show_are_those_in_the_runs_or_a_jobs_name(names: str, displayed: set[str]) -> None:
    assert parse(BUILD, f"on: workflow_dispatch\n{names}\n".encode()).displayed == displayed


def test_required_inputs_without_a_default_are_missing_unless_they_are_given() -> None:
    declared = "a: {required: true}, b: {required: true, default: x}, c: {}, d: {required: true, default: ''}"
    file = parse(BUILD, f"on: {{workflow_dispatch: {{inputs: {{{declared}}}}}}}".encode())
    assert workflow_file.missing_inputs(file, ()) == ("a", "d")
    assert workflow_file.missing_inputs(file, ("a", "d")) == ()
