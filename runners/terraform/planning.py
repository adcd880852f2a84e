"""Planning: a saved plan with its summary, and what has drifted."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from runners.concurrency import run_blocking, together
from runners.errors import RunnerError
from runners.terraform import (
    addresses as terraform_addresses,
    errors as terraform_errors,
    json_plan as terraform_json,
    program as terraform_program,
    summary as terraform_plan,
)
from runners.terraform.apply_run import SENSITIVE_FILE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from runners.results import Diagnostic, PlanSummary
    from runners.terraform.json_plan import PlanJson
    from runners.terraform.program import Workspace

PLAN_FILE = "plan"  # inside scratch, as these all
PLAN_TEXT = "plan.txt"
_PLAN_JSON, _PLAN_LOG = "plan.json", "plan.log"
_READ_TIMEOUT = 120.0  # seconds for hashing and parsing: plans of large states have tens of megabytes
_NOTHING, _CHANGES = 0, 2  # exit codes of plan -detailed-exitcode


@dataclass(frozen=True, slots=True)
class Planned:
    """A saved plan. `plan_file` (0600) holds secrets in clear; `sensitive` are those, to be kept out of all text."""

    summary: PlanSummary
    plan_file: Path
    sensitive: frozenset[str] = field(repr=False)


async def plan(
    workspace: Workspace,
    *,
    variables: Mapping[str, str],
    timeout: float,
    targets: Sequence[str] = (),
    replaces: Sequence[str] = (),
) -> Planned:
    """Plan, and save the plan in `scratch`: PLAN_FILE, and PLAN_TEXT as Terraform prints it (both 0600).

    `targets` are the only addresses to be planned, `replaces` those to be made anew. PLAN_TEXT shows what Terraform
    shows, which may repeat a sensitive value elsewhere: redact it by `sensitive`. When this fails or is cancelled,
    nothing of the plan stays on disk.

    Raises:
        StateLockedError: somebody holds the state's lock.
        NotFoundError: the directory is not there or holds no code, or nothing has one of the addresses.
        RunnerError: as for `init`; one of the addresses is none; Terraform could not plan all of it.
    """
    doing = f"planning {workspace.name}"
    argv = [terraform_program.lock_timeout(), *terraform_addresses.arguments(targets, replaces, doing)]
    try:
        warnings = await _save_plan(workspace, argv, variables, timeout, doing)
        await _show_both(workspace, timeout, doing)
        chosen = (tuple(targets), tuple(replaces))
        return await run_blocking(_read_plan, workspace, warnings, chosen, doing, timeout=_READ_TIMEOUT, doing=doing)
    except BaseException as error:
        for name in (PLAN_FILE, PLAN_TEXT, _PLAN_JSON, _PLAN_LOG):
            (workspace.scratch / name).unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise terraform_errors.of_files(doing, error) from error
        raise


async def refresh_only_summary(workspace: Workspace, *, variables: Mapping[str, str], timeout: float) -> PlanSummary:
    """What changed outside of Terraform, as the summary's `drift`. Nothing can be applied from it, and no file remains.

    Uses -refresh-only, so that code which was merged and not yet applied is no drift. Takes no lock: it only
    reads, and must not block an apply.

    Raises:
        RunnerError: as for `plan`.
    """
    doing = f"looking for drift in {workspace.name}"
    file, listing = workspace.scratch / PLAN_FILE, workspace.scratch / _PLAN_JSON
    try:
        warnings = await _save_plan(workspace, ["-refresh-only", "-lock=false"], variables, timeout, doing)
        await _show(workspace, _PLAN_JSON, ["show", "-json", "-no-color", str(file)], timeout, doing)
        return await run_blocking(_read_drift, workspace, warnings, doing, timeout=_READ_TIMEOUT, doing=doing)
    finally:
        for file_or_log in (file, listing, workspace.scratch / _PLAN_LOG):
            file_or_log.unlink(missing_ok=True)


def fingerprint(summary: PlanSummary) -> str:
    """A digest of what changes and what has drifted: the same for the same changes, whenever they are seen.

    What is not known yet counts as just that; the plan file, warnings and numbers of resources do not count.
    """
    changes = [
        [
            [
                change.address,
                change.change.value,
                sorted([each.path, each.before, each.after] for each in change.attributes),
            ]
            for change in sorted(changes, key=lambda change: (change.address, change.change.value))
        ]
        for changes in (summary.changes, summary.drift)
    ]
    outputs = sorted([change.path, change.before, change.after] for change in summary.outputs)
    return hashlib.sha256(json.dumps([changes, outputs]).encode()).hexdigest()


async def _save_plan(
    workspace: Workspace, chosen: Sequence[str], variables: Mapping[str, str], timeout: float, doing: str
) -> tuple[Diagnostic, ...]:
    terraform_program.prepare(workspace, doing)
    file, log = workspace.scratch / PLAN_FILE, workspace.scratch / _PLAN_LOG
    argv = ["plan", "-json", "-input=false", "-no-color", "-detailed-exitcode", f"-out={file}", *chosen]
    argv += terraform_program.variable_arguments(workspace, variables, doing)
    answer = await terraform_program.run(workspace, argv, timeout=timeout, doing=doing, to=log)
    diagnostics, tail = await run_blocking(_read_log, log, timeout=_READ_TIMEOUT, doing=doing)
    if answer.exit_code not in (_NOTHING, _CHANGES):
        diagnostics += terraform_errors.from_text(answer.stderr)
        raise terraform_errors.explain(
            doing, answer.exit_code, diagnostics, version=str(workspace.program), tail=answer.stderr or tail
        )
    if not file.exists():
        raise RunnerError(doing, "terraform saved no plan", exit_code=answer.exit_code, log_tail=answer.stderr or tail)
    file.chmod(0o600)
    return tuple(terraform_errors.distinct(diagnostics))


async def _show_both(workspace: Workspace, timeout: float, doing: str) -> None:
    """The plan for people and for us, at the same time."""
    argv = ["show", "-no-color", str(workspace.scratch / PLAN_FILE)]
    await together(
        _show(workspace, PLAN_TEXT, argv, timeout, doing),
        _show(workspace, _PLAN_JSON, [*argv[:1], "-json", *argv[1:]], timeout, doing),
    )


async def _show(workspace: Workspace, name: str, argv: list[str], timeout: float, doing: str) -> None:
    answer = await terraform_program.run(workspace, argv, timeout=timeout, doing=doing, to=workspace.scratch / name)
    if answer.exit_code:
        diagnostics = terraform_errors.from_text(answer.stderr)
        raise terraform_errors.explain(
            doing, answer.exit_code, diagnostics, version=str(workspace.program), tail=answer.stderr
        )


def _read_log(log: Path) -> tuple[list[Diagnostic], str]:
    with log.open(encoding="utf-8", errors="replace") as lines:
        diagnostics = list(terraform_errors.from_json_lines(lines))
    with log.open(encoding="utf-8", errors="replace") as text:
        tail = text.read()[-3000:] if not diagnostics else ""
    log.unlink()
    return diagnostics, tail


def _read_plan(
    workspace: Workspace,
    warnings: tuple[Diagnostic, ...],
    chosen: tuple[tuple[str, ...], tuple[str, ...]],
    doing: str,
) -> Planned:
    file = workspace.scratch / PLAN_FILE
    document = _decoded(workspace, doing)
    terraform_plan.look_for(document, *chosen, doing)
    with file.open("rb") as opened:
        digest = hashlib.file_digest(opened, "sha256").hexdigest()
    sensitive = terraform_plan.sensitive_values(document)
    # The apply, perhaps after a restart, masks what Terraform then prints.
    terraform_program.write_private(workspace.scratch / SENSITIVE_FILE, json.dumps(sorted(sensitive)))
    program = str(workspace.program)
    targeted = bool(chosen[0])
    return Planned(
        terraform_plan.read_plan(document, digest=digest, program=program, warnings=warnings, partial=targeted),
        file,
        sensitive,
    )


def _read_drift(workspace: Workspace, warnings: tuple[Diagnostic, ...], doing: str) -> PlanSummary:
    document = _decoded(workspace, doing)
    return terraform_plan.read_plan(document, digest="", program=str(workspace.program), warnings=warnings)


def _decoded(workspace: Workspace, doing: str) -> PlanJson:
    listing = workspace.scratch / _PLAN_JSON
    content = listing.read_bytes()
    listing.unlink()  # the plan's secrets in clear: no longer than needed
    try:
        return terraform_json.decode(content)
    except ValueError as error:
        problem = f"what {workspace.program} printed is not a plan's JSON ({len(content)} bytes: {error})"
        remedy = "Check that the disk is not full, and that terraform.program is a terraform or tofu."
        raise RunnerError(doing, problem, remedy=remedy) from None
