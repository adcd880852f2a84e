"""Whether Terraform accepts the code, without its backend, its variables and credentials."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from runners.errors import RunnerError, TimedOutError, UnavailableError
from runners.terraform import errors as terraform_errors, program as terraform_program

if TYPE_CHECKING:
    from runners.processes.child import Output
    from runners.terraform.program import Workspace

_NOT_INSTALLED = (
    "Missing required provider",
    "Module not installed",
    "Inconsistent dependency lock file",
    "Required plugins are not installed",
)
_LONGEST = 400  # characters of an error


@dataclass(frozen=True, slots=True)
class Validation:
    """Terraform's errors, each with its place. Unless `complete`, providers or modules could not be had: it only parsed the code."""

    errors: tuple[str, ...]
    complete: bool


async def validate(workspace: Workspace, *, timeout: float) -> Validation:
    """Run `init -backend=false` and `validate`; without a registry, let Terraform parse the code alone.

    Raises:
        NotFoundError: the directory does not exist, or has no code.
        RunnerError: Terraform refuses the code at init, or prints something else than JSON.
    """
    doing = f"validating {workspace.name}"
    terraform_program.prepare(workspace, doing)
    complete = await _init(workspace, timeout, doing)
    output = await terraform_program.run(workspace, ["validate", "-json", "-no-color"], timeout=timeout, doing=doing)
    try:
        diagnostics = json.loads(output.stdout)["diagnostics"]
    except (ValueError, KeyError, TypeError):
        raise RunnerError(doing, "terraform validate printed no JSON", log_tail=output.stderr[-2000:]) from None
    errors = [each for each in diagnostics if each.get("severity") == "error"]
    if not complete:
        errors = [each for each in errors if each.get("summary") not in _NOT_INSTALLED]
    return Validation(tuple(dict.fromkeys(_text(each) for each in errors)), complete)


async def _init(workspace: Workspace, timeout: float, doing: str) -> bool:
    """Whether providers and modules are there."""
    argv = ["init", "-backend=false", "-input=false", "-no-color"]
    argv += ["-lockfile=readonly"] if workspace.lock_file.exists() else []
    try:
        output = await terraform_program.run(workspace, argv, timeout=timeout, doing=doing)
    except TimedOutError:
        return False
    if not output.exit_code:
        return True
    error = _explained(workspace, output, doing)
    if isinstance(error, UnavailableError):
        return False
    raise error


def _explained(workspace: Workspace, output: Output, doing: str) -> RunnerError:
    text = f"{output.stdout}\n{output.stderr}"
    diagnostics = terraform_errors.from_text(text)
    version = str(workspace.program)
    return terraform_errors.explain(doing, output.exit_code, diagnostics, version=version, tail=text[-3000:])


def _text(diagnostic: dict[str, Any]) -> str:
    where = diagnostic.get("range") or {}
    place = f" ({where['filename']}:{where['start']['line']})" if where.get("filename") and where.get("start") else ""
    detail = " ".join(str(diagnostic.get("detail") or "").split())
    return f"{diagnostic.get('summary')}: {detail}"[:_LONGEST].rstrip(": ") + place
