"""Generates the units of a stack file before one of them is planned: `terragrunt stack generate`, behind the wall."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

from runners.errors import RunnerError
from runners.processes import child
from runners.terraform import program as terraform_program, terragrunt
from runners.terraform.room import room_of
from runners.terraform.units import stack_above

if TYPE_CHECKING:
    from runners.terraform.program import Workspace

TIMEOUT = 300.0  # seconds: sources of units are fetched


async def generate_unit(workspace: Workspace) -> None:
    """Generate the workspace's unit from the stack file above it, where there is one and the unit is not there yet.

    Raises:
        RunnerError: Terragrunt cannot generate it, for example because a source cannot be fetched.
    """
    root, program = workspace.root, workspace.terragrunt
    if root is None or program is None or terragrunt.is_unit(workspace.directory):
        return
    above = await asyncio.to_thread(stack_above, workspace.directory, root)
    if above is None:
        return
    doing = f"generating the units of {above.name}"
    terraform_program.make_directories(workspace)
    terragrunt.make_git_directory(root)
    answer = await child.run(
        terragrunt.generate_command(program),
        cwd=above,
        env=terraform_program.environment(workspace),
        timeout=TIMEOUT,
        doing=doing,
        room=room_of(replace(workspace, terragrunt=None)),  # it starts no terraform
    )
    if answer.exit_code:
        tail = "\n".join(f"{answer.stdout}\n{answer.stderr}".strip().splitlines()[-15:])
        problem = f"`terragrunt stack generate` failed with exit code {answer.exit_code}"
        raise RunnerError(
            doing, problem, remedy="Correct the stack file or its sources.", exit_code=answer.exit_code, log_tail=tail
        )
