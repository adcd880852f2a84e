"""Chosen addresses, workspaces, and drift, with real terraform."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from runners import terraform
from runners.errors import NotFoundError, RunnerError
from runners.results import Change
from runners.terraform import fingerprint
from tests.real.terraform_support import LONG, applied, planned, write

if TYPE_CHECKING:
    from pathlib import Path

    from runners.results import PlanSummary
    from runners.terraform import Workspace

pytestmark = [pytest.mark.needs_terraform, pytest.mark.needs_bwrap]

CODE = """
    variable "size" { default = "small" }
    resource "terraform_data" "web" {
      for_each = toset(["a", "b c"])
      input    = var.size
    }
    resource "terraform_data" "db" { input = var.size }
    module "network" { source = "./network" }
    data "terraform_remote_state" "other" {
      backend = "local"
      config  = { path = "other.tfstate" }
    }
"""
EMPTY = {"version": 4, "terraform_version": "1.0.0", "serial": 1, "lineage": "x", "outputs": {}, "resources": []}


@pytest.fixture
async def built(workspace: Workspace) -> Workspace:
    (workspace.directory / "network").mkdir()
    write(workspace, 'resource "terraform_data" "subnet" { count = 2 }', "network/main.tf")
    write(workspace, json.dumps(EMPTY), "other.tfstate")
    write(workspace, CODE)
    await applied(workspace, await planned(workspace))
    return replace(workspace, scratch=workspace.scratch.with_name("second"))


def changed(summary: PlanSummary) -> list[tuple[Change, str]]:
    return [(change.change, change.address) for change in summary.changes]


async def test_only_what_is_chosen_is_planned(built: Workspace) -> None:
    await terraform.init(built, timeout=LONG)
    for targets, replaces, expected in (
        (('terraform_data.web["b c"]',), (), [(Change.UPDATE, 'terraform_data.web["b c"]')]),
        (("module.network",), (), []),
        (("data.terraform_remote_state.other",), (), []),
        (
            ("terraform_data.db", "module.network[0]"),
            ("module.network.terraform_data.subnet[1]",),
            NotFoundError,
        ),
        (
            ("terraform_data.db", "module.network"),
            ("module.network.terraform_data.subnet[1]",),
            [(Change.REPLACE, "module.network.terraform_data.subnet[1]"), (Change.UPDATE, "terraform_data.db")],
        ),
    ):
        chosen = {"targets": targets, "replaces": replaces}
        if expected is NotFoundError:
            with pytest.raises(NotFoundError, match=r"there is no module\.network\[0\]"):
                await terraform.plan(built, variables={"size": "big"}, timeout=LONG, **chosen)
        else:
            plan = await terraform.plan(built, variables={"size": "big"}, timeout=LONG, **chosen)
            assert changed(plan.summary) == expected
    assert [warning.summary for warning in plan.summary.warnings] == ["Resource targeting is in effect"]


@pytest.mark.parametrize(
    ("targets", "replaces", "says"),
    [
        (("terraform_data.wbe",), (), r"there is no terraform_data\.wbe"),
        (("module.netwrok",), (), r"there is no module\.netwrok"),
        ((), ("terraform_data.web",), r"there is no terraform_data\.web in"),
        (("-destroy",), (), "is no address"),
        ((), ("-destroy",), "is no address"),
    ],
)
async def test_an_address_that_is_not_there_is_told(
    built: Workspace, targets: tuple[str, ...], replaces: tuple[str, ...], says: str
) -> None:
    await terraform.init(built, timeout=LONG)
    with pytest.raises(RunnerError, match=says) as caught:
        await terraform.plan(built, variables={}, timeout=LONG, targets=targets, replaces=replaces)
    assert caught.value.remedy
    assert not (built.scratch / "plan").exists()


async def test_a_workspace_is_selected_but_never_made(workspace: Workspace, tmp_path: Path) -> None:
    write(workspace, 'output "name" { value = terraform.workspace }')
    second = replace(workspace, scratch=tmp_path / "second", selected="prod-eu.1")
    with pytest.raises(NotFoundError, match=r"there is no workspace prod-eu\.1") as caught:
        await terraform.init(second, timeout=LONG)
    assert "terraform workspace new prod-eu.1" in caught.value.remedy
    (workspace.directory / "terraform.tfstate.d" / "prod-eu.1").mkdir(parents=True)
    for space, name in ((second, "prod-eu.1"), (workspace, "default")):
        plan = await planned(space)
        assert plan.summary.outputs[0].after == name
    for odd in ("-or-create", "a b", "a/b", ""):
        with pytest.raises(RunnerError, match="no name of a Terraform workspace"):
            await terraform.init(replace(second, selected=odd or " "), timeout=LONG)


async def test_the_fingerprint_of_a_real_plan_is_the_same_each_time(built: Workspace) -> None:
    write(
        built,
        """
        data "terraform_remote_state" "other" {
          backend = "local"
          config  = { path = "other.tfstate" }
        }
        resource "terraform_data" "new" { input = "a" }
        output "seen" { value = data.terraform_remote_state.other.outputs }
        """,
    )
    await applied(built, await planned(built))
    third = replace(built, scratch=built.scratch.with_name("third"))
    await terraform.init(third, timeout=LONG)
    unchanged = (await terraform.plan(third, variables={}, timeout=LONG)).summary
    assert unchanged.up_to_date
    outputs = {"size": {"value": "big", "type": "string"}}
    write(built, json.dumps({**EMPTY, "serial": 2, "outputs": outputs}), "other.tfstate")
    first, second = [(await terraform.plan(third, variables={}, timeout=LONG)).summary for _ in range(2)]
    assert [(output.path, output.before, output.after) for output in first.outputs] == [("seen.size", None, "big")]
    assert fingerprint(first) == fingerprint(second) != fingerprint(unchanged)
