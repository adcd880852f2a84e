"""OpenTofu, played by real Terraform under its name: no package registry carries OpenTofu's own program.

The stand-in has OpenTofu's version and its words (its messages are Terraform's with another name; internal/command/clistate/state.go,
version/version.go of OpenTofu 1.13-dev). It does not read .tofu files: which are read is in tests/unit/runners/terraform/test_code_files.py.
"""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from runners import terraform
from runners.errors import NotFoundError, StateLockedError
from runners.terraform import bundled
from tests.real.terraform_support import applied, planned, workspace_in, write

if TYPE_CHECKING:
    from runners.terraform import Program
    from tests.real.terraform_support import HttpState

pytestmark = pytest.mark.needs_terraform
STAND_IN = """#!/bin/bash
set -o pipefail
if [ "$*" = version ]; then echo "OpenTofu v1.11.5"; exit; fi
if [ "$*" = "version -json" ]; then echo '{"terraform_version": "1.11.5", "platform": "linux_amd64"}'; exit; fi
words='s/HashiCorp Terraform/OpenTofu/g; s/Terraform/OpenTofu/g'
{ { %s "$@" 2>&1 >&3 | sed -u "$words" >&2; } 3>&1; } | sed -u "$words"
"""


@pytest.fixture(params=["tofu", "infrastructure"])
async def tofu(request: pytest.FixtureRequest, tmp_path: Path) -> Program:
    """The stand-in, under its own name and under another one."""
    path = tmp_path / "bin" / str(request.param)
    path.parent.mkdir()
    code = Path(bundled.__file__).read_text()  # behind the wall there is no bot with its files
    path.write_text(STAND_IN % shlex.join([sys.executable, "-I", "-c", code]))
    path.chmod(0o755)
    return await terraform.find_program(str(path), os.environ["PATH"])


async def test_opentofu_plans_and_applies(tofu: Program, tmp_path: Path) -> None:
    assert str(tofu) == "tofu 1.11.5"
    workspace = workspace_in(tmp_path, tofu)
    write(workspace, 'resource "terraform_data" "one" {\n  input = "first"\n}\n')
    plan = await planned(workspace)
    assert plan.summary.program == "tofu 1.11.5"
    result = await applied(workspace, plan)
    assert (result.finished, result.added, result.errors) == (True, 1, ())


async def test_a_lock_names_the_command_of_opentofu(tofu: Program, tmp_path: Path, remote_state: HttpState) -> None:
    workspace = workspace_in(tmp_path, tofu)
    write(workspace, remote_state.code() + 'resource "terraform_data" "one" {}\n')
    await terraform.init(workspace, timeout=60)
    remote_state.lock = {
        "ID": "6741213b-d566-2ec1-f459-eb5b044a1395",
        "Who": "ana@lineside",
        "Operation": "OperationTypeApply",
    }
    with pytest.raises(StateLockedError) as caught:
        await terraform.plan(workspace, variables={}, timeout=60)
    assert "tofu force-unlock 6741213b-d566-2ec1-f459-eb5b044a1395" in caught.value.remedy


async def test_terraform_names_opentofu_for_its_files(program: Program, tmp_path: Path) -> None:
    workspace = workspace_in(tmp_path, program)
    write(workspace, 'resource "terraform_data" "one" {}\n', "main.tofu")
    with pytest.raises(NotFoundError, match=r"are \.tofu files") as caught:
        await terraform.init(workspace, timeout=60)
    assert "terraform.program: tofu" in caught.value.remedy
