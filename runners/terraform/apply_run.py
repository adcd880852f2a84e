"""Applies a saved plan at most once, in a process that outlives the bot, and follows it to its end."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import tempfile
from contextlib import aclosing
from types import MappingProxyType
from typing import TYPE_CHECKING

from runners.concurrency import run_blocking
from runners.errors import NotFoundError, RunnerError, StalePlanError, StateLockedError, UncertainError
from runners.processes.children import FILES
from runners.processes.foreign_files import read_regular
from runners.results import ApplyResult, Diagnostic
from runners.terraform import errors as terraform_errors, notices, program as terraform_program
from runners.terraform.apply_progress import ApplyCounter
from runners.terraform.computed import COMPUTES_SECRETS, WITHHELD, secrets_in_state, withheld
from runners.terraform.masking import masker
from runners.terraform.room import room_of
from runners.terraform.state import addresses_in_state
from runners.terraform.summary import masked

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Mapping
    from pathlib import Path

    from runners.processes.children import Child, Children
    from runners.results import ApplyProgress
    from runners.spellings import Masker
    from runners.terraform.program import Workspace

    OnProgress = Callable[[ApplyProgress], Awaitable[None]]

APPLY, SENSITIVE_FILE = "apply", "sensitive.json"  # in the scratch directory
GRACE = 300.0  # seconds between SIGINT and SIGKILL: providers finish their changes, and the state is written
_MOST_PLAN = 512 << 20  # bytes of a saved plan, which is compressed
_FILE_TIMEOUT = 60.0
_STATE_TIMEOUT = 120.0
INCOMPLETE = Diagnostic(
    "warning",
    "What Terraform printed is incomplete",
    "Terraform ended without an error, so all of the plan is applied. The numbers here may be too low: the disk may have been full.",
)
LOOK = "Check the state and the resources. A new plan shows what is left."
_EXIT_TIMEOUT = 60.0  # seconds from the last line until the exit code is recorded


async def apply(
    workspace: Workspace,
    plan_file: Path,
    digest: str,
    *,
    variables: Mapping[str, str] = MappingProxyType({}),
    on_progress: OnProgress,
    timeout: float,
    sensitive: Collection[str] = (),
) -> ApplyResult:
    """Apply a saved plan, made with these `variables`, if its SHA-256 is `digest`, and return the result.

    The apply continues when this task or the bot ends: see `resume_apply`. After `timeout` seconds it is interrupted, and
    the result has an error for that. The plan's sensitive values, those of the state after the apply, and `sensitive` are
    masked in the result.

    Raises:
        StalePlanError: the file has another digest, or the state has changed since.
        StateLockedError: somebody holds the state's lock.
        NotFoundError: there is no plan file, or a variable file is missing.
        UncertainError: it was started, and how it ended cannot be read.
        RunnerError: an apply was started in this scratch directory before.
    """
    doing = f"applying the plan of {workspace.name}"
    terraform_program.prepare(workspace, doing)
    given = terraform_program.apply_variable_arguments(workspace, variables, doing)
    copy = await run_blocking(
        _checked_copy, plan_file, digest, workspace.scratch, doing, timeout=_FILE_TIMEOUT, doing=doing
    )
    argv = ["apply", "-json", "-input=false", "-no-color", terraform_program.lock_timeout(), *given, str(copy)]
    try:
        env, room = terraform_program.environment(workspace), room_of(workspace, given=[copy])
        argv = terraform_program.command(workspace, argv)
        place = workspace.scratch / APPLY
        job = await workspace.children.start(APPLY, place, argv, cwd=workspace.directory, env=env, room=room)
    except RunnerError:
        copy.unlink()
        raise
    return await _follow(workspace, job, on_progress, timeout, sensitive)


async def resume_apply(
    workspace: Workspace, *, on_progress: OnProgress, timeout: float, sensitive: Collection[str] = ()
) -> ApplyResult | None:
    """Follow the apply that was started in this scratch directory, from its first line; None when none was started.

    The result's `finished` is false for an interrupted apply; its `in_state` then has the addresses in the state, if the
    state can be read. Without the code in the workspace's directory, texts that may have secrets are withheld.

    Raises:
        StalePlanError, StateLockedError, UncertainError: as `apply`.
    """
    job = await started_apply(workspace.scratch, workspace.children)
    return await _follow(workspace, job, on_progress, timeout, sensitive) if job else None


async def started_apply(scratch: Path, children: Children) -> Child | None:
    """The apply that was started in this scratch directory, running or ended; None when none was."""
    return await children.attach(APPLY, scratch / APPLY)


async def never_started(workspace: Workspace) -> ApplyResult:
    """The result of an apply that an interruption prevented from starting."""
    error = Diagnostic("error", "Terraform was not started", "The bot was stopped before it could start the apply.")
    return ApplyResult(False, 0, 0, 0, errors=(error,), in_state=await _state(workspace))  # noqa: FBT003 - a field


async def cancel_apply(scratch: Path, *, grace: float = GRACE, children: Children = FILES) -> bool:
    """Interrupt a running apply (SIGINT, `grace` seconds, SIGKILL); its follower returns the result.

    Returns false when no apply runs.
    """
    job = await started_apply(scratch, children)
    if job is None or not await job.is_running():
        return False
    await job.cancel(grace)
    return True


def stored_sensitive(scratch: Path) -> frozenset[str]:
    """The sensitive values of the plan in this scratch directory."""
    try:
        return frozenset(json.loads((scratch / SENSITIVE_FILE).read_text(encoding="utf-8")))
    except FileNotFoundError:
        return frozenset()


def _checked_copy(plan_file: Path, digest: str, scratch: Path, doing: str) -> Path:
    # The file is read once: Terraform gets exactly the bytes that were hashed.
    try:
        content = read_regular(plan_file, most=_MOST_PLAN)
    except FileNotFoundError:
        raise NotFoundError(doing, "the saved plan is no longer there", remedy="Plan again.") from None
    except OSError as error:  # a link or a pipe in place of the plan, or a file without end
        raise StalePlanError(
            doing, f"the saved plan is no plain file of a usual size: {error.strerror}", remedy="Plan again."
        ) from error
    if hashlib.sha256(content).hexdigest() != digest:
        problem = "the saved plan is not the one that was approved"
        raise StalePlanError(doing, problem, remedy="Nothing was applied. Plan again.")
    handle, name = tempfile.mkstemp(prefix="approved-", suffix=".plan", dir=scratch)
    copy_path = scratch / os.path.basename(name)  # noqa: PTH119 - mkstemp gives text
    try:
        with os.fdopen(handle, "wb") as copy:
            copy.write(content)
    except OSError as error:
        copy_path.unlink()
        raise terraform_errors.file_error(doing, error) from error
    return copy_path


async def _follow(
    workspace: Workspace, job: Child, on_progress: OnProgress, timeout: float, sensitive: Collection[str]
) -> ApplyResult:
    """The result of an apply that was started: no error from here on means that it did not happen, but Terraform's own."""
    try:
        return await _followed(workspace, job, on_progress, timeout, sensitive)
    except (StalePlanError, StateLockedError):
        raise
    except RunnerError as error:
        doing = f"following the apply of {workspace.name}"
        raise UncertainError(doing, f"{error.doing}: {error.problem}", remedy=LOOK) from error


async def _followed(
    workspace: Workspace, job: Child, on_progress: OnProgress, timeout: float, sensitive: Collection[str]
) -> ApplyResult:
    limit = asyncio.timeout(timeout)
    try:
        async with limit:
            counter = await _count(job, on_progress)
    except TimeoutError:
        if not limit.expired():
            raise
        await job.cancel(GRACE)
        counter = await _count(job, None)
        counter.diagnostics.append(Diagnostic("error", f"The apply took longer than {timeout:g} seconds: interrupted"))
    code = await job.wait(_EXIT_TIMEOUT)
    for copy in workspace.scratch.glob("approved-*.plan"):
        copy.unlink(missing_ok=True)
    secrets = {*stored_sensitive(workspace.scratch), *sensitive}
    if counter.diagnostics or counter.plain:
        secrets |= await _computed_secrets(workspace, counter)
    return await _result(workspace, counter, code, masker(secrets))


async def _computed_secrets(workspace: Workspace, counter: ApplyCounter) -> frozenset[str]:
    """The secrets of the state, which only the apply computed; where they stay unknown, texts that may have them are withheld."""
    computed = await secrets_in_state(workspace)
    # Of an apply on another machine, whose files are not here, not even the plan's own secrets may be known.
    other_machine = not (workspace.scratch / APPLY).exists() and not (workspace.scratch / SENSITIVE_FILE).exists()
    if other_machine or (computed is None and (workspace.scratch / COMPUTES_SECRETS).exists()):
        counter.diagnostics[:] = map(withheld, counter.diagnostics)
        counter.plain = [WITHHELD] if counter.plain else []
    return computed or frozenset()


async def _count(job: Child, on_progress: OnProgress | None) -> ApplyCounter:
    counter = ApplyCounter()
    async with aclosing(job.lines()) as lines:
        async for line in lines:
            if counter.take(line) and on_progress:
                await on_progress(counter.progress)
    return counter


async def _result(workspace: Workspace, counter: ApplyCounter, code: int | None, mask: Masker) -> ApplyResult:
    errors = [
        diagnostic for diagnostic in terraform_errors.distinct(counter.diagnostics) if diagnostic.severity == "error"
    ]
    if code:
        errors = errors or terraform_errors.from_text("\n".join(counter.plain)) or [_unexplained(counter, code)]
        _raise_if_refused(workspace, counter, errors, code, mask)
    warnings = [*counter.diagnostics, *([counter.unknown] if counter.unknown else [])]
    incomplete = code == 0 and not counter.complete
    warnings += [INCOMPLETE] if incomplete else []
    finished = code is not None and code >= 0
    if not finished:
        errors.append(Diagnostic("error", "Terraform was cut short", "It was killed, or the machine was lost."))
    return ApplyResult(
        finished=finished,
        added=counter.added,
        changed=counter.changed,
        destroyed=counter.destroyed,
        applied=tuple(counter.applied),
        errors=tuple(masked(error, mask) for error in errors),
        in_state=None if finished and not incomplete else await _state(workspace),
        under_way=tuple(counter.under_way),
        remaining=tuple(counter.remaining),
        replaced=counter.replaced,
        imported=counter.imported,
        actions=counter.actions,
        failed_checks=notices.failed_after_apply(warnings),
        warnings=tuple(masked(warning, mask) for warning in notices.applied_worst_first(warnings)),
    )


def _unexplained(counter: ApplyCounter, code: int) -> Diagnostic:
    return Diagnostic("error", f"Terraform ended with exit code {code}", "\n".join(counter.plain))


def _raise_if_refused(
    workspace: Workspace, counter: ApplyCounter, errors: list[Diagnostic], code: int, mask: Masker
) -> None:
    """Raise StalePlanError or StateLockedError when Terraform refused the plan before its first change."""
    doing = f"applying the plan of {workspace.name}"
    error = terraform_errors.explain(doing, code, errors, version=str(workspace.program))
    if not counter.counts and isinstance(error, StalePlanError | StateLockedError):
        raise error.redacted(mask)


async def _state(workspace: Workspace) -> tuple[str, ...] | None:
    try:
        return await addresses_in_state(workspace, timeout=_STATE_TIMEOUT)
    except RunnerError:
        return None
