"""Secrets that Terraform computes in an apply: unknown in the plan, in the state afterwards, and in errors in between."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runners.concurrency import run_blocking
from runners.errors import RunnerError
from runners.processes.foreign_files import read_regular
from runners.results import Diagnostic
from runners.terraform import program as terraform_program
from runners.terraform.sensitive import sensitive_in_state

if TYPE_CHECKING:
    from runners.terraform.program import Workspace

COMPUTES_SECRETS = "computes-secrets"  # a file in the scratch directory, there where the plan has such values
WITHHELD = (
    "Its details are not displayed: the plan has sensitive values that are known only after the apply, and the state, "
    "which has them, could not be read. A new plan displays what remains to be done."
)
_STATE_JSON = "state.json"
_MOST_STATE = 512 << 20  # bytes of the state as JSON; a larger one counts as unreadable
_TIMEOUT = 120.0  # seconds


async def secrets_in_state(workspace: Workspace) -> frozenset[str] | None:
    """The values that the state marks sensitive; None where it cannot be read."""
    doing = f"reading the state of {workspace.name}"
    file = workspace.scratch / _STATE_JSON
    try:
        terraform_program.prepare(workspace, doing)
        output = await terraform_program.run(
            workspace, ["show", "-json", "-no-color"], timeout=_TIMEOUT, doing=doing, to=file
        )
        if output.exit_code:
            return None
        content = read_regular(file, most=_MOST_STATE)
        return await run_blocking(sensitive_in_state, content, workspace.ordinary, timeout=_TIMEOUT, doing=doing)
    except (RunnerError, OSError, ValueError):
        return None
    finally:
        file.unlink(missing_ok=True)  # it has the secrets in clear text


def withheld(diagnostic: Diagnostic, why: str = WITHHELD) -> Diagnostic:
    """The error or warning without the texts that may have a secret, and why."""
    return Diagnostic(
        severity=diagnostic.severity,
        summary=diagnostic.summary,
        detail=why,
        filename=diagnostic.filename,
        line=diagnostic.line,
        address=diagnostic.address,
        url=diagnostic.url,
    )
