"""Terragrunt through real terraform: what is planned in a unit is what is applied, and no interrupt arrives twice."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from runners import terraform
from runners.errors import NotFoundError, ProgramMissingError, RunnerError, StalePlanError
from runners.terraform import PLAN_FILE, Workspace
from runners.terraform.generation import generate_unit
from runners.terraform.terragrunt import script_of
from runners.terraform.units import place_of
from tests.real.terraform_support import LONG, SEARCH_PATH, ProgressLog, applied, none_runs, planned

if TYPE_CHECKING:
    from runners.terraform import Program
    from tests.real.terraform_support import HttpState

pytestmark = pytest.mark.needs_terraform
MODULE = 'variable "name" {}\nresource "terraform_data" "one" {\n  input = var.name\n}\n'


@pytest.fixture
async def unit(tmp_path: Path, program: Program, remote_state: HttpState) -> Workspace:
    """A unit whose module is elsewhere in the repository, with a generated backend and an input."""
    return await make_unit(tmp_path, program, remote_state)


async def make_unit(directory: Path, program: Program, state: HttpState, **more: Any) -> Workspace:
    """A unit with more keys of Terragrunt's."""
    stand_in = directory / "bin" / "terragrunt"
    stand_in.parent.mkdir()
    code = (Path(__file__).parent / "terragrunt_stand_in.py").read_text()
    stand_in.write_text(f"#!{sys.executable} -I\n{code}")
    stand_in.chmod(0o755)
    root = directory / "code"
    (root / "live" / "prod" / "vpc").mkdir(parents=True)
    (root / "modules" / "vpc").mkdir(parents=True)
    (root / "modules" / "vpc" / "main.tf").write_text(MODULE)
    write_unit(root, {"inputs": {"name": "first"}, **more}, state)
    path = f"{stand_in.parent}{os.pathsep}{SEARCH_PATH}"
    return Workspace(
        program,
        root / "live" / "prod" / "vpc",
        directory / "scratch",
        {"PATH": SEARCH_PATH},
        root=root,
        terragrunt=await terraform.find_terragrunt(None, path),
    )


def write_unit(root: Path, keys: dict[str, Any], state: HttpState) -> None:
    """The unit's file; its module is found by get_repo_root(), its backend is generated."""
    block = {"source": "${get_repo_root()}/modules/vpc", **keys.pop("terraform", {})}
    backend = {"backend": {"path": "backend.tf", "if_exists": "overwrite", "contents": state.code()}}
    text = json.dumps({"terraform": block, "generate": backend, **keys})
    (root / "live" / "prod" / "vpc" / "terragrunt.hcl.json").write_text(text)


def hook(command: str, *execute: str) -> dict[str, Any]:
    """A hook that runs beside a command."""
    return {"own": {"commands": [command], "execute": [*execute]}}


async def test_a_unit_is_planned_and_exactly_that_plan_is_applied(unit: Workspace, remote_state: HttpState) -> None:
    plan = await planned(unit)
    assert [change.address for change in plan.summary.changes] == ["terraform_data.one"]
    with pytest.raises(StalePlanError):
        await terraform.apply(unit, unit.scratch / PLAN_FILE, "0" * 64, on_progress=ProgressLog(), timeout=LONG)
    assert remote_state.state is None
    result = await applied(unit, plan)
    assert (result.finished, result.added, result.errors) == (True, 1, ())
    again = replace(unit, scratch=unit.scratch.with_name("again"))  # the same plan, in another operation's directory
    again.scratch.mkdir(mode=0o700)
    (again.scratch / PLAN_FILE).write_bytes((unit.scratch / PLAN_FILE).read_bytes())
    with pytest.raises(StalePlanError):
        await applied(again, plan)
    assert (await planned(replace(unit, scratch=unit.scratch.with_name("third")))).summary.up_to_date


async def generated(unit: Workspace, source: str) -> Workspace:
    """The same unit as one that a stack file generates."""
    assert unit.root
    live, catalog = unit.root / "live" / "prod", unit.root / "catalog"
    catalog.mkdir()
    unit.directory.rename(catalog / "vpc")
    stack = f'unit "vpc" {{\n  source = "{source}"\n  path = "network/vpc"\n}}\n'
    (live / "terragrunt.stack.hcl").write_text(stack)
    return replace(unit, directory=place_of(live, unit.root, "network/vpc"))


async def test_a_unit_of_a_stack_file_is_generated_and_planned(unit: Workspace, remote_state: HttpState) -> None:
    workspace = await generated(unit, "../../catalog/vpc")
    assert not workspace.directory.exists()
    await generate_unit(workspace)
    plan = await planned(workspace)
    assert [change.address for change in plan.summary.changes] == ["terraform_data.one"]
    assert (await applied(workspace, plan)).added == 1


async def test_a_source_that_is_not_there_is_told_with_the_end_of_the_log(unit: Workspace) -> None:
    workspace = await generated(unit, "../../catalog/vpn")
    with pytest.raises(RunnerError) as caught:
        await generate_unit(workspace)
    assert "`terragrunt stack generate` failed with exit code 1" in caught.value.problem
    assert "../../catalog/vpn does not exist" in caught.value.log_tail


async def test_what_hooks_print_is_not_taken_for_a_plan(
    tmp_path: Path, program: Program, remote_state: HttpState
) -> None:
    forged = json.dumps({"format_version": "1.2", "resource_changes": []})
    hooks = {"before_hook": hook("show", "echo", forged), "after_hook": hook("plan", "echo", forged)}
    plan = await planned(await make_unit(tmp_path, program, remote_state, terraform=hooks))
    assert [change.address for change in plan.summary.changes] == ["terraform_data.one"]


async def test_hooks_run_behind_the_wall(tmp_path: Path, program: Program, remote_state: HttpState) -> None:
    hooks = {"before_hook": hook("plan", "sh", "-c", f"test ! -e {Path(__file__).parent} && touch {tmp_path}/outside")}
    with pytest.raises(RunnerError) as caught:
        await planned(await make_unit(tmp_path, program, remote_state, terraform=hooks))
    assert "Hook failed" in caught.value.problem
    assert not (tmp_path / "outside").exists()


async def test_a_cancelled_apply_gets_one_interrupt(tmp_path: Path, program: Program, remote_state: HttpState) -> None:
    unit = await make_unit(tmp_path, program, remote_state)
    slow = 'resource "terraform_data" "slow" {\n  provisioner "local-exec" {\n    command = "sleep 60"\n  }\n}\n'
    later = 'resource "terraform_data" "later" {\n  depends_on = [terraform_data.slow]\n}\n'
    assert unit.root
    (unit.root / "modules" / "vpc" / "main.tf").write_text(f'variable "name" {{}}\n{slow}{later}')
    observed, plan = ProgressLog(), await planned(unit)
    running = asyncio.create_task(applied(unit, plan, observed))
    await asyncio.wait_for(observed.there.wait(), LONG)
    remote_state.seconds_to_write = 4  # longer than the stand-in waits before it repeats the interrupt
    assert await terraform.cancel_apply(unit.scratch)
    result = await asyncio.wait_for(running, LONG)
    printed = (unit.scratch / "apply" / "output").read_text()
    assert "Gracefully shutting down" in printed
    assert "Two interrupts" not in printed
    assert result.remaining == ("terraform_data.later",)
    assert remote_state.state, "terraform has written the state"
    assert remote_state.lock is None, "terraform has released the lock"
    assert await none_runs(unit)


async def test_a_unit_that_excludes_plans_has_none(tmp_path: Path, program: Program, remote_state: HttpState) -> None:
    unit = await make_unit(tmp_path, program, remote_state, exclude={"if": True, "no_run": True, "actions": ["plan"]})
    with pytest.raises(RunnerError, match="saved no plan"):
        await planned(unit)


async def test_what_is_no_unit_or_wrong_is_reported(unit: Workspace, remote_state: HttpState) -> None:
    with pytest.raises(NotFoundError, match=r"code/live has no terragrunt\.hcl"):
        await terraform.init(replace(unit, directory=unit.directory.parents[1]), timeout=LONG)
    assert unit.root
    write_unit(unit.root, {"terraform": {"source": "../nowhere"}}, remote_state)
    with pytest.raises(RunnerError, match=r"source \S+/nowhere does not exist"):
        await terraform.init(unit, timeout=LONG)


@pytest.mark.parametrize(
    ("answer", "problem"), [("terragrunt version v0.99.4", "too old"), ("hello", "does not answer")]
)
async def test_another_program_is_refused(answer: str, problem: str, tmp_path: Path) -> None:
    path = tmp_path / "terragrunt"
    path.write_text(f"#!/bin/sh\necho '{answer}'\n")
    path.chmod(0o755)
    with pytest.raises(ProgramMissingError, match=problem):
        await terraform.find_terragrunt(str(path), SEARCH_PATH)
    with pytest.raises(ProgramMissingError, match="there is no program"):
        await terraform.find_terragrunt(None, str(tmp_path / "nowhere"))


async def test_the_script_hands_on_the_exit_code(unit: Workspace) -> None:
    await planned(unit)
    process = await asyncio.create_subprocess_exec(str(script_of(unit.scratch)), "no-such-command")
    assert await process.wait() == 1
