"""Checks the Terraform code of an environment: its files, its backend, and that Terraform accepts it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.check.nearest import there_is
from runners import terraform as terraform_runner
from runners.errors import ProgramMissingError, RunnerError
from runners.processes.child import child_environment
from runners.terraform.backend_code import backend_of
from runners.terraform.code_files import TOFU, code_files
from runners.terraform.declarations import declared_in_directory
from runners.terraform.resource_types import misspelled_type, resource_types
from runners.terraform.validation import validate

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from bot.check.code import Checkout
    from bot.check.result import Findings
    from bot.config import Config, Terraform
    from runners.terraform import Program
    from runners.terraform.backend_code import Backend

TIMEOUT = 45.0  # seconds for each command


async def check_directory(
    config: Config, environ: Mapping[str, str], checkout: Checkout, settings: Terraform, findings: Findings
) -> None:
    """Add what is wrong with the directory, its variable files, its backend and its code."""
    key, name = checkout.environment.key_of("terraform"), str(settings.directory)
    at = f"{checkout.commit.ref} ({checkout.commit.short})"
    directory = checkout.root / name
    program = await _program(config, environ)
    read = program.name if program else "terraform"
    if not code_files(directory, read):
        others = {
            _relative(path.parent, checkout.root) for path in checkout.root.rglob("*.t*f*") if _is_code(path, read)
        }
        kinds = ".tofu or .tf" if read == TOFU else ".tf"
        findings.add_problem(f"{key}.directory: {name} has no {kinds} files at {at}", there_is(name, others))
        return
    for file in settings.var_files:
        if not (checkout.root / str(file)).is_file():
            others = {_relative(path, checkout.root) for path in checkout.root.rglob("*.tfvars*")}
            findings.add_problem(f"{key}.var_files: {file} does not exist at {at}", there_is(str(file), others))
    declared = declared_in_directory(directory, checkout.root, read)
    for variable in [variable for variable in settings.variables if variable not in declared]:
        problem = f"{key}.variables: {name} declares no variable {variable} at {at}"
        findings.add_problem(problem, there_is(variable, declared))
    types = resource_types(checkout.root)
    for kind in [kind for kind in settings.protected if kind not in types]:
        if meant := misspelled_type(kind, types):
            problem = f"{key}.protected: no code at {at} has a resource of the type {kind}"
            findings.add_problem(problem, f"Did you mean {meant}?")
    backend = backend_of(directory, checkout.root, read)
    fault = backend_fault(key, name, backend, settings)
    if fault:
        findings.add_problem(*fault)
    try:
        await _validate(config, environ, checkout, name, findings)
    except RunnerError as error:
        findings.add_problem(f"{key}: {error}", error.remedy)


def backend_fault(key: str, name: str, backend: Backend | None, settings: Terraform) -> tuple[str, str] | None:
    """Why this backend does not fit a plan on this machine, and what to do; None where it does."""
    if backend and backend.in_hcp:
        organization = backend.settings.get("organization") or "ORGANIZATION"
        workspace = backend.settings.get("workspaces.name") or "WORKSPACE"
        kind = "`cloud`" if backend.kind == "cloud" else '`backend "remote"`'
        problem = f"{key}.directory: {name} keeps its state in HCP Terraform ({kind}, {backend.place})"
        instead = f"hcp: {{organization: {organization}, workspace: {workspace}}}"
        return problem, f"Replace `directory` by `{instead}`: HCP Terraform then plans and applies."
    written = (backend.settings.get("path") if backend else None) or settings.backend_config.get("path")
    if (backend is None or backend.kind == "local") and not (isinstance(written, str) and written.startswith("/")):
        problem = f"{key}.directory: {name} keeps its state beside the code, which is deleted after each plan"
        return problem, "Add a backend to the code (s3, remote, ...), or `backend_config: {path: /a/directory/file}`."
    return None


async def _validate(
    config: Config, environ: Mapping[str, str], checkout: Checkout, name: str, findings: Findings
) -> None:
    program = await terraform_runner.find_program(config.terraform.program, environ.get("PATH", ""))
    workspace = terraform_runner.Workspace(
        program=program,
        directory=checkout.root / name,
        scratch=checkout.scratch / "terraform",
        env=child_environment(checkout.scratch / "terraform" / "home"),
        root=checkout.root,
        isolation=checkout.isolation,
    )
    validation = await validate(workspace, timeout=TIMEOUT)
    for error in validation.errors:
        findings.add_problem(f"{checkout.environment.key_of('terraform')}: {name}: {error}", "Correct the code.")
    how = "is valid" if validation.complete else "can be parsed (its providers cannot be downloaded here)"
    findings.add_fact(f"{checkout.environment.name}: {name} {how} at {checkout.commit.short}")


async def _program(config: Config, environ: Mapping[str, str]) -> Program | None:
    """The program that plans; None without one, which its own check reports."""
    try:
        return await terraform_runner.find_program(config.terraform.program, environ.get("PATH", ""))
    except ProgramMissingError:
        return None


def _is_code(path: Path, program: str) -> bool:
    return path.name.endswith((".tf", ".tofu") if program == TOFU else ".tf")


def _relative(path: Path, root: Path) -> str:
    return str(path.relative_to(root))
