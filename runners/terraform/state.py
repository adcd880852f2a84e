"""What Terraform's state holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runners.terraform import errors as terraform_errors, program as terraform_program

if TYPE_CHECKING:
    from runners.terraform.program import Workspace


async def addresses_in_state(workspace: Workspace, *, timeout: float) -> tuple[str, ...]:
    """The addresses of what the state holds, in Terraform's order; none when there is no state yet.

    Raises:
        RunnerError: the state cannot be read.
    """
    doing = f"reading the state of {workspace.name}"
    terraform_program.prepare(workspace, doing)
    answer = await terraform_program.run(workspace, ["state", "list"], timeout=timeout, doing=doing)
    if answer.exit_code and "No state file was found" not in answer.stderr:
        diagnostics = terraform_errors.from_text(answer.stderr)
        raise terraform_errors.explain(
            doing, answer.exit_code, diagnostics, version=str(workspace.program), tail=answer.stderr
        )
    return tuple(line for line in answer.stdout.splitlines() if line)
