"""Terraform: init, plan, apply of exactly that plan, what the state holds."""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import json
import os
import shutil
import stat
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from runners import terraform_errors, terraform_plan, terraform_program
from runners.blocking import run_blocking
from runners.detached import Detached
from runners.errors import RunnerError, TimedOutError
from runners.process import GRACE
from runners.stragglers import end_marked
from runners.terraform_apply import APPLY, SENSITIVE_FILE, apply, cancel_apply, find_out, known_sensitive, resume_apply
from runners.terraform_program import Program, Workspace, find_program
from runners.terraform_state import addresses_in_state

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from pathlib import Path

    from runners.results import Diagnostic, PlanSummary

__all__ = [
    "PLAN_FILE",
    "PLAN_TEXT",
    "Planned",
    "Program",
    "Workspace",
    "addresses_in_state",
    "apply",
    "cancel_apply",
    "find_out",
    "find_program",
    "init",
    "known_sensitive",
    "plan",
    "resume_apply",
    "wipe",
]

PLAN_FILE = "plan"  # inside scratch, as these all
PLAN_TEXT = "plan.txt"
_READ_TIMEOUT = 120.0  # seconds for hashing and parsing: plans of large states have tens of megabytes
_NOTHING, _CHANGES = 0, 2  # exit codes of plan -detailed-exitcode


@dataclass(frozen=True, slots=True)
class Planned:
    """A saved plan. `plan_file` (0600) holds secrets in clear; `sensitive` are those, to be kept out of all text."""

    summary: PlanSummary
    plan_file: Path
    sensitive: frozenset[str] = field(repr=False)


async def init(workspace: Workspace, *, timeout: float) -> None:
    """Download providers and modules, connect the backend. Can be done again.

    Raises:
        NotFoundError: the directory is not there or holds no code.
        UnavailableError: a provider or module cannot be downloaded.
        AccessDeniedError: the backend refuses the credentials.
        RunnerError: Terraform does not take the code; `log_tail` has its diagnostics.
    """
    doing = f"initialising {workspace.name}"
    terraform_program.prepare(workspace, doing)
    if not (workspace.scratch / APPLY).exists():
        # What a bot that died left running here would hold the state's lock, and write its plan over ours.
        await end_marked(str(workspace.scratch), GRACE)
    argv = ["init", "-input=false", "-no-color", terraform_program.lock_timeout()]
    argv += ["-lockfile=readonly"] if workspace.lock_file.exists() else []
    argv += terraform_program.backend_arguments(workspace)
    async with _alone(workspace.plugin_cache, timeout, doing):
        answer = await terraform_program.run(workspace, argv, timeout=timeout, doing=doing)
    if answer.exit_code:
        text = f"{answer.stdout}\n{answer.stderr}"
        found = terraform_errors.from_text(text)
        raise terraform_errors.explain(
            doing, answer.exit_code, found, version=str(workspace.program), tail=text[-3000:]
        )


async def plan(workspace: Workspace, *, variables: Mapping[str, str], timeout: float) -> Planned:
    """Plan, and save the plan in `scratch`: PLAN_FILE, and PLAN_TEXT as Terraform prints it (both 0600).

    PLAN_TEXT shows what Terraform shows, which may repeat a sensitive value elsewhere: redact it by `sensitive`.

    Raises:
        StateLockedError: somebody holds the state's lock.
        RunnerError: as for `init`.
    """
    doing = f"planning {workspace.name}"
    terraform_program.prepare(workspace, doing)
    warnings = await _save_plan(workspace, variables, timeout, doing)
    file = workspace.scratch / PLAN_FILE
    await asyncio.gather(
        _show(workspace, PLAN_TEXT, ["show", "-no-color", str(file)], timeout, doing),
        _show(workspace, "plan.json", ["show", "-json", "-no-color", str(file)], timeout, doing),
    )
    return await run_blocking(_read_plan, workspace, warnings, timeout=_READ_TIMEOUT, doing=doing)


async def _save_plan(
    workspace: Workspace, variables: Mapping[str, str], timeout: float, doing: str
) -> tuple[Diagnostic, ...]:
    file, log = workspace.scratch / PLAN_FILE, workspace.scratch / "plan.log"
    argv = ["plan", "-json", "-input=false", "-no-color", "-detailed-exitcode", terraform_program.lock_timeout()]
    argv += [f"-out={file}", *terraform_program.variable_arguments(workspace, variables, doing)]
    answer = await terraform_program.run(workspace, argv, timeout=timeout, doing=doing, to=log)
    found, tail = await run_blocking(_read_log, log, timeout=_READ_TIMEOUT, doing=doing)
    if answer.exit_code not in (_NOTHING, _CHANGES):
        found += terraform_errors.from_text(answer.stderr)
        raise terraform_errors.explain(
            doing, answer.exit_code, found, version=str(workspace.program), tail=answer.stderr or tail
        )
    file.chmod(0o600)
    return tuple(terraform_errors.distinct(found))


async def _show(workspace: Workspace, name: str, argv: list[str], timeout: float, doing: str) -> None:
    answer = await terraform_program.run(workspace, argv, timeout=timeout, doing=doing, to=workspace.scratch / name)
    if answer.exit_code:
        found = terraform_errors.from_text(answer.stderr)
        raise terraform_errors.explain(
            doing, answer.exit_code, found, version=str(workspace.program), tail=answer.stderr
        )


def _read_log(log: Path) -> tuple[list[Diagnostic], str]:
    with log.open(encoding="utf-8", errors="replace") as lines:
        found = list(terraform_errors.from_json_lines(lines))
    with log.open(encoding="utf-8", errors="replace") as text:
        tail = text.read()[-3000:] if not found else ""
    log.unlink()
    return found, tail


def _read_plan(workspace: Workspace, warnings: tuple[Diagnostic, ...]) -> Planned:
    file, listing = workspace.scratch / PLAN_FILE, workspace.scratch / "plan.json"
    document: dict[str, Any] = json.loads(listing.read_bytes())
    listing.unlink()  # the plan's secrets in clear: no longer than needed
    with file.open("rb") as opened:
        digest = hashlib.file_digest(opened, "sha256").hexdigest()
    sensitive = terraform_plan.sensitive_values(document)
    # The apply, perhaps after a restart, masks what Terraform then prints.
    terraform_program.write_private(workspace.scratch / SENSITIVE_FILE, json.dumps(sorted(sensitive)))
    summary = terraform_plan.read_plan(document, digest=digest, program=str(workspace.program), warnings=warnings)
    return Planned(summary, file, sensitive)


@asynccontextmanager
async def _alone(plugin_cache: Path | None, timeout: float, doing: str) -> AsyncIterator[None]:
    """One init at a time fills the cache: Terraform does not promise to cope with two."""
    if plugin_cache is None:
        yield
        return
    plugin_cache.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle = os.open(plugin_cache / ".lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        await _take(handle, timeout, doing)
        yield
    finally:
        os.close(handle)  # and with it the lock


async def _take(handle: int, timeout: float, doing: str) -> None:
    try:
        async with asyncio.timeout(timeout):
            while not _locked(handle):  # noqa: ASYNC110 - the kernel wakes no event
                await asyncio.sleep(0.1)
    except TimeoutError:
        raise TimedOutError(doing, f"others filled the plugin cache for more than {timeout:g} seconds") from None


def _locked(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


async def wipe(scratch: Path) -> None:
    """Remove an operation's directory with its plan and whatever else is in it; nothing when it is not there.

    Raises:
        RunnerError: it is a link, others may write to it, or an apply still runs in it.
    """
    doing = "removing an operation's files"
    try:
        found = scratch.lstat()
    except FileNotFoundError:
        return
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o022:
        raise RunnerError(doing, f"{scratch.name} is no directory that only the bot writes to")
    running = Detached.attach(scratch / APPLY)
    if running and running.running:
        raise RunnerError(doing, "an apply still runs there")
    await run_blocking(shutil.rmtree, scratch, timeout=_READ_TIMEOUT, doing=doing)
