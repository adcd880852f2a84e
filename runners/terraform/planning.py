"""Makes a plan: saved to a file, printed as text, and read into a summary."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from runners.concurrency import run_blocking, together
from runners.errors import RunnerError
from runners.processes.foreign_files import read_regular
from runners.terraform import (
    addresses as terraform_addresses,
    errors as terraform_errors,
    json_plan,
    masking,
    program as terraform_program,
    sensitive as terraform_sensitive,
    summary as terraform_plan,
)
from runners.terraform.apply_run import SENSITIVE_FILE
from runners.terraform.computed import COMPUTES_SECRETS
from runners.terraform.listing import appended, listing
from runners.terraform.terragrunt import planned_in

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from runners.results import AttributeChange, Diagnostic, PlanSummary
    from runners.terraform.json_plan import PlanJson
    from runners.terraform.program import Workspace

PLAN_FILE, PLAN_TEXT = "plan", "plan.txt"  # in the scratch directory, as the next three
_LISTING = "differences.txt"  # has no sensitive values
_PLAN_JSON, _PLAN_LOG = "plan.json", "plan.log"
# Bytes. A child may make each file as large as operations.limits lets it; the JSON of a plan of 10,000 resources has 100 MB.
_MOST_JSON, _MOST_TEXT, _MOST_LOG_END = 512 << 20, 256 << 20, 16 << 20
_READ_TIMEOUT = 120.0  # seconds for hashing and parsing; plans of large states have tens of megabytes
_NO_CHANGES, _CHANGES = 0, 2  # exit codes of plan -detailed-exitcode


@dataclass(frozen=True, slots=True)
class SavedPlan:
    """A saved plan. The file PLAN_FILE has secrets in clear text: the `sensitive` values, which must appear in no text."""

    summary: PlanSummary
    sensitive: frozenset[str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class _Printed:
    """What planning printed, and whether its exit code reports changes."""

    diagnostics: tuple[Diagnostic, ...]
    changed: bool


async def plan(
    workspace: Workspace,
    *,
    variables: Mapping[str, str],
    timeout: float,
    targets: Sequence[str] = (),
    replaces: Sequence[str] = (),
) -> SavedPlan:
    """Make a plan and save it in the scratch directory: as PLAN_FILE, and as PLAN_TEXT, which Terraform prints (both 0600).

    `targets` limits the plan to these addresses; `replaces` are addresses to replace. PLAN_TEXT may contain sensitive
    values that Terraform does not mask: redact it by `sensitive`. After a failure or cancellation no file remains.

    Raises:
        StateLockedError: somebody holds the state's lock.
        NotFoundError: the directory does not exist or has no code, or an address does not exist.
        RunnerError: as for `init`; an address is malformed; Terraform could not plan everything.
    """
    doing = f"planning {workspace.name}"
    options = [terraform_program.lock_timeout(), *terraform_addresses.arguments(targets, replaces, doing)]
    try:
        printed = await _save_plan(workspace, options, variables, timeout, doing)
        await _print_both(workspace, timeout, doing)
        limits = (tuple(targets), tuple(replaces))
        return await run_blocking(_read_plan, workspace, printed, limits, doing, timeout=_READ_TIMEOUT, doing=doing)
    except BaseException as error:
        for name in (PLAN_FILE, PLAN_TEXT, _LISTING, _PLAN_JSON, _PLAN_LOG, COMPUTES_SECRETS):
            (workspace.scratch / name).unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise terraform_errors.file_error(doing, error) from error
        raise


def fingerprint(summary: PlanSummary) -> str:
    """A digest of a plan's changes, drift and failed checks, which is the same for the same changes.

    Unknown values are equal to each other. The plan file, other warnings and numbers of resources do not count.
    """
    changes = [
        [
            [
                change.address,
                change.change.value,
                sorted(map(_texts, change.attributes)),
            ]
            for change in sorted(changes, key=lambda change: (change.address, change.change.value))
        ]
        for changes in (summary.changes, summary.drift)
    ]
    outputs = sorted(map(_texts, summary.outputs))
    beside = sorted(
        [each.summary, each.address or ""] for each in summary.warnings[: summary.failed_checks + summary.deferred]
    )
    return hashlib.sha256(json.dumps([changes, outputs, beside]).encode()).hexdigest()


def _texts(attribute: AttributeChange) -> list[str]:
    absent = "\x00"  # no text that is displayed has it
    before, after = (absent if side is None else side for side in (attribute.before, attribute.after))
    return [attribute.path, before, after, attribute.note]


def masked_plan_text(scratch: Path) -> str:
    """The plan in this scratch directory as Terraform prints it, then every difference. Raises OSError.

    Sensitive values are masked in both.
    """
    sensitive = json.loads((scratch / SENSITIVE_FILE).read_text(encoding="utf-8"))
    text = read_regular(scratch / PLAN_TEXT, most=_MOST_TEXT).decode("utf-8", "replace")
    return masking.masker(sensitive)(appended(text, (scratch / _LISTING).read_text(encoding="utf-8")))


async def _save_plan(
    workspace: Workspace, options: Sequence[str], variables: Mapping[str, str], timeout: float, doing: str
) -> _Printed:
    terraform_program.prepare(workspace, doing)
    file, log = workspace.scratch / PLAN_FILE, workspace.scratch / _PLAN_LOG
    argv = ["plan", "-json", "-input=false", "-no-color", "-detailed-exitcode", f"-out={file}", *options]
    argv += terraform_program.variable_arguments(workspace, variables, doing)
    terraform_program.write_private(file, "")  # it alone becomes writable for Terraform, and not what lies beside it
    output = await terraform_program.run(workspace, argv, timeout=timeout, doing=doing, to=log, written=[file])
    diagnostics, tail = await run_blocking(_read_log, log, timeout=_READ_TIMEOUT, doing=doing)
    if output.exit_code not in (_NO_CHANGES, _CHANGES):
        diagnostics += terraform_errors.from_text(output.stderr)
        raise terraform_errors.explain(
            doing, output.exit_code, diagnostics, version=str(workspace.program), tail=output.stderr or tail
        )
    if not file.is_file() or not file.stat().st_size:
        raise RunnerError(doing, "terraform saved no plan", exit_code=output.exit_code, log_tail=output.stderr or tail)
    file.chmod(0o600)
    return _Printed(tuple(terraform_errors.distinct(diagnostics)), changed=output.exit_code == _CHANGES)


async def _print_both(workspace: Workspace, timeout: float, doing: str) -> None:
    """Print the plan as text and as JSON, at the same time."""
    argv = ["show", "-no-color", str(workspace.scratch / PLAN_FILE)]
    await together(
        _print(workspace, PLAN_TEXT, argv, timeout, doing),
        _print(workspace, _PLAN_JSON, [*argv[:1], "-json", *argv[1:]], timeout, doing),
    )


async def _print(workspace: Workspace, name: str, argv: list[str], timeout: float, doing: str) -> None:
    to, plan_file = workspace.scratch / name, workspace.scratch / PLAN_FILE
    # Not through Terragrunt: what its hooks print would be among the plan.
    at = planned_in(workspace.root or workspace.directory, workspace.scratch, doing) if workspace.terragrunt else None
    output = await terraform_program.run(workspace, argv, timeout=timeout, doing=doing, to=to, given=[plan_file], at=at)
    if output.exit_code:
        diagnostics = terraform_errors.from_text(output.stderr)
        raise terraform_errors.explain(
            doing, output.exit_code, diagnostics, version=str(workspace.program), tail=output.stderr
        )


def _read_log(log: Path) -> tuple[list[Diagnostic], str]:
    with log.open("rb") as file:
        content = file.read(_MOST_LOG_END)  # of a longer log the two ends: Terraform's errors are in its last lines
        file.seek(max(_MOST_LOG_END, log.stat().st_size - _MOST_LOG_END))
        text = (content + file.read(_MOST_LOG_END)).decode("utf-8", "replace")
    diagnostics = list(terraform_errors.from_json_lines(text.split("\n")))
    tail = text[-3000:] if not diagnostics else ""
    log.unlink()
    return diagnostics, tail


def _read_plan(
    workspace: Workspace,
    printed: _Printed,
    limits: tuple[tuple[str, ...], tuple[str, ...]],
    doing: str,
) -> SavedPlan:
    file = workspace.scratch / PLAN_FILE
    document = _read_json(workspace, doing)
    terraform_plan.check_addresses(document, *limits, doing)
    with file.open("rb") as opened:
        digest = hashlib.file_digest(opened, "sha256").hexdigest()
    sensitive = terraform_plan.sensitive_values(document, workspace.ordinary)
    # The apply masks these in Terraform's output, also after a restart.
    terraform_program.write_private(workspace.scratch / SENSITIVE_FILE, json.dumps(sorted(sensitive)))
    if terraform_sensitive.computes_secrets(document):
        (workspace.scratch / COMPUTES_SECRETS).touch(mode=0o600)
    program = str(workspace.program)
    targeted = bool(limits[0])
    read = partial(
        terraform_plan.read_plan,
        document,
        digest=digest,
        program=program,
        warnings=printed.diagnostics,
        partial=targeted,
        changed=printed.changed,
        ordinary=workspace.ordinary,
    )
    terraform_program.write_private(workspace.scratch / _LISTING, listing(read(complete=True)))
    return SavedPlan(read(), sensitive)


def _read_json(workspace: Workspace, doing: str) -> PlanJson:
    file = workspace.scratch / _PLAN_JSON
    try:
        content = read_regular(file, most=_MOST_JSON)
    except OSError as error:
        problem = f"the plan's JSON cannot be read: {error.strerror}"
        remedy = "Plan a part: split the directory into several, or remove what makes the plan so large."
        raise RunnerError(doing, problem, remedy=remedy) from error
    finally:
        file.unlink(missing_ok=True)  # it has the plan's secrets in clear text
    try:
        return json_plan.decode(content)
    except ValueError as error:
        problem = f"what {workspace.program} printed is not a plan's JSON ({len(content)} bytes: {error})"
        remedy = "Check that the disk is not full, and that terraform.program is a terraform or tofu."
        raise RunnerError(doing, problem, remedy=remedy) from None
