"""Which secrets a workflow uses, read from its file: whatever the spelling, and never more than it names."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import yaml
from hypothesis import given, strategies as st

from runners.github import workflow_secrets
from runners.results.secrets import SecretUse

if TYPE_CHECKING:
    from runners.github import GitHub
    from sandbox.github import GitHubStandIn

REPOSITORY = "PermanentOrg/infrastructure"
FILE = b"""
name: Deploy
on:
  workflow_call:
    secrets: {passed_on: {required: true}}
permissions: {id-token: write, contents: read}
env:
  SHARED: ${{ secrets.TOP_LEVEL }}
jobs:
  plain:
    runs-on: ubuntu-latest
    steps:
      - run: echo "${{ format('{0} secrets.NOT_THIS', secrets.key_id) }}"
      - run: echo ${{ secrets['by-index'] || secrets [ 'SPACED' ] }}
      - run: "echo secrets.PROSE and ${{ github.token }} ${{ secrets.GITHUB_TOKEN }} ${{ mysecrets.NO }}"
      - if: secrets.IN_IF != ''
        run: "true"
  staged:
    environment: {name: staging}
    steps: [{env: {A: "${{ secrets.ONE }}${{secrets.TWO}}"}, run: x}]
  computed:
    environment: ${{ inputs.where }}
    steps: [{run: "${{ secrets.ANYWHERE }}"}]
  called: {uses: ./.github/workflows/other.yml, secrets: inherit}
"""


def test_every_spelling_is_read_with_the_environment_of_its_job() -> None:
    read = workflow_secrets.parse("d.yml", FILE)
    assert {(use.name, use.environment) for use in read.uses} == {
        ("TOP_LEVEL", ""),
        ("KEY_ID", ""),
        ("BY-INDEX", ""),
        ("SPACED", ""),
        ("IN_IF", ""),
        ("ONE", "staging"),
        ("TWO", "staging"),
        ("ANYWHERE", None),
    }
    assert read.inherits == ("./.github/workflows/other.yml",)
    assert read.declared == frozenset({"PASSED_ON"})
    assert (read.oidc, read.takes_all) == (True, False)


def test_what_takes_secrets_by_a_computed_name_says_so() -> None:
    for expression in (
        "toJSON(secrets)",
        "secrets[matrix.name]",
        "secrets[format('{0}_KEY', inputs.env)]",
        "secrets.*",
    ):
        text = yaml.safe_dump({"on": "push", "jobs": {"a": {"steps": [{"run": f"${{{{ {expression} }}}}"}]}}})
        read = workflow_secrets.parse("d.yml", text.encode())
        assert read.takes_all, expression
        assert read.uses == ()
    assert not workflow_secrets.parse("d.yml", b"jobs: {a: {permissions: {id-token: read}}}").oidc
    assert workflow_secrets.parse("d.yml", b"permissions: write-all\njobs: {}").oidc


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_no_file_raises(text: bytes) -> None:
    workflow_secrets.parse("d.yml", text)


NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,20}", fullmatch=True)


@given(st.lists(NAMES, max_size=6), st.sampled_from(["secrets.{}", "secrets['{}']", "a && secrets . {} || 'x'"]))
def test_exactly_the_names_that_are_written_are_read(names: list[str], spelling: str) -> None:
    steps = [{"run": "x ${{ " + spelling.format(name) + " }} y"} for name in names]
    text = json.dumps({"on": "push", "jobs": {"a": {"environment": "prod", "steps": steps}}})
    wanted = {SecretUse(name.upper(), "d.yml", "prod") for name in names if name.upper() != "GITHUB_TOKEN"}
    read = workflow_secrets.parse("d.yml", text.encode())
    assert set(read.uses) == wanted
    assert not read.takes_all


async def test_the_workflows_of_the_default_branch_are_read(github: GitHub, stand_in: GitHubStandIn) -> None:
    repository = stand_in.repository(REPOSITORY)
    path = ".github/workflows/keys.yml"
    repository.commit("main", {path: "on: push\njobs: {a: {steps: [{run: '${{ secrets.A_KEY }}'}]}}\n"}, "Use a key")
    read = {each.file: each for each in await workflow_secrets.read_all(github, REPOSITORY)}
    assert [use.name for use in read["keys.yml"].uses] == ["A_KEY"]
    assert "deploy-dev.yml" in read
