"""A team's own repository in the sandbox: its workflow deploys, its Terraform plans, and nothing of the user's is taken along."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sandbox.own import own_repository
from sandbox.world import Options
from tests.scenarios.acting import shows, types
from tests.scenarios.conftest import running

if TYPE_CHECKING:
    import pytest

    from sandbox.aws import AwsHandle
    from sandbox.world import World

SETTINGS = """
slack: {channel: "#alerts"}
github: {repository: acme/infra}
aws: {region: eu-central-1, profile: acme}
access: {operators: [U0123ABCD], approvers: [U0123ABCD]}
environments:
  prod:
    channel: "#acme-prod"
    machines: [web]
    deploy: {github_actions: {workflow: deploy.yml, ref: release}}
    terraform: {directory: infra, backend_config: {bucket: acme-state}}
    approval: {required: 0}
"""
WORKFLOW = """
on: {workflow_dispatch: {}}
jobs:
  cells:
    runs-on: ubuntu-latest
    outputs: {list: "${{ steps.list.outputs.list }}"}
    steps: [{uses: actions/checkout@v4}, {id: list, run: 'echo "list=$(cat cells.json)" >> $GITHUB_OUTPUT'}]
  deploy:
    needs: cells
    strategy: {matrix: {cell: "${{ fromJSON(needs.cells.outputs.list) }}"}}
    uses: ./.github/workflows/cell.yml
    with: {name: "${{ matrix.cell.name }}"}
"""
CELL = """
on: {workflow_call: {inputs: {name: {type: string, required: true}}}}
jobs: {go: {name: "Go to ${{ inputs.name }}", runs-on: ubuntu-latest, steps: [{run: "deploy ${{ inputs.name }}"}]}}
"""
TERRAFORM = 'terraform {\n  backend "s3" {}\n}\nresource "terraform_data" "web" {\n  input = "web-1"\n}\n'
FILES = {
    "signalbox.yaml": SETTINGS,
    ".github/workflows/deploy.yml": WORKFLOW,
    ".github/workflows/cell.yml": CELL,
    "cells.json": '[{"name": "eu"}, {"name": "us"}]',
    "infra/main.tf": TERRAFORM,
}


async def test_a_team_tries_its_own_repository(aws: AwsHandle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "the-users-profile")
    monkeypatch.setenv("GITHUB_TOKEN", "the-users-token")
    for path, text in FILES.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    async with running(Options(aws=aws, own=own_repository(tmp_path), speed=60.0)) as world:
        await try_out(world)


async def try_out(world: World) -> None:
    environment = Path(f"/proc/{world.bot.pid}/environ").read_bytes().decode().split("\0")
    assert f"HOME={world.files}/home" in environment
    assert not [line for line in environment if "the-users" in line or line.startswith("AWS_PROFILE")]

    await types(world, "ana", "#acme-prod", "/deploy prod")
    await shows(world, "#acme-prod", ":white_check_mark:", "prod", timeout=60)
    (run,) = world.github.repository("acme/infra").runs.values()
    assert [job.name for job in run.jobs] == ["cells", "deploy (eu) / Go to eu", "deploy (us) / Go to us"]

    await types(world, "ana", "#acme-prod", "/plan prod")
    await shows(world, "#acme-prod", "Plan for prod", "terraform_data.web", timeout=60)
