"""Terraform: init, plan, apply of exactly that plan, the state and its lock."""

from __future__ import annotations

import asyncio
import fcntl
import os
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from runners.errors import NotFoundError, TimedOutError
from runners.processes.child import GRACE
from runners.processes.stragglers import end_marked
from runners.terraform import (
    backend as terraform_backend,
    errors as terraform_errors,
    plugin_cache,
    program as terraform_program,
)
from runners.terraform.apply_run import APPLY, apply, cancel_apply, never_started, resume_apply, started_apply
from runners.terraform.finding import find_program, find_terragrunt
from runners.terraform.planning import PLAN_FILE, PLAN_TEXT, SavedPlan, fingerprint, masked_plan_text, plan
from runners.terraform.plugin_cache import cache_directories
from runners.terraform.program import Program, Workspace
from runners.terraform.state import (
    TerraformRun,
    addresses_in_state,
    force_unlock,
    is_orphaned_lock,
    own_name,
    state_digest,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

__all__ = [
    "PLAN_FILE",
    "PLAN_TEXT",
    "Program",
    "SavedPlan",
    "TerraformRun",
    "Workspace",
    "addresses_in_state",
    "apply",
    "cache_directories",
    "cancel_apply",
    "find_program",
    "find_terragrunt",
    "fingerprint",
    "force_unlock",
    "init",
    "is_orphaned_lock",
    "masked_plan_text",
    "never_started",
    "own_name",
    "plan",
    "resume_apply",
    "started_apply",
    "state_digest",
]


async def init(workspace: Workspace, *, timeout: float) -> None:
    """Download providers and modules, connect the backend, select the workspace; it can be repeated.

    Raises:
        NotFoundError: the directory does not exist or has no code, or there is no such workspace.
        UnavailableError: a provider or module cannot be downloaded.
        AccessDeniedError: the backend refuses the credentials.
        RunnerError: Terraform rejects the code; `log_tail` has its diagnostics.
    """
    doing = f"initialising {workspace.name}"
    terraform_program.prepare(workspace, doing)
    if not (workspace.scratch / APPLY).exists():
        # Processes of a bot that died would hold the state's lock and overwrite this plan.
        await end_marked(str(workspace.scratch), GRACE)
    argv = ["init", "-input=false", "-no-color", terraform_program.lock_timeout()]
    argv += ["-lockfile=readonly"] if workspace.lock_file.exists() else []
    argv += terraform_backend.backend_arguments(workspace)
    shared = await asyncio.to_thread(plugin_cache.open_entry, workspace)
    async with _exclusive(shared, timeout, doing):
        if shared:
            await asyncio.to_thread(plugin_cache.remove_links, shared, workspace.scratch.parent)
        output = await terraform_program.run(workspace, argv, timeout=timeout, doing=doing, plugin_cache=shared)
    if workspace.plugin_cache:
        await asyncio.to_thread(workspace.plugin_cache.remove_unused)
    if output.exit_code:
        text = f"{output.stdout}\n{output.stderr}"
        diagnostics = terraform_errors.from_text(text)
        raise terraform_errors.explain(
            doing, output.exit_code, diagnostics, version=str(workspace.program), tail=text[-3000:]
        )
    if workspace.selected:
        await _select(workspace, workspace.selected, timeout)


async def _select(workspace: Workspace, name: str, timeout: float) -> None:
    doing = f"selecting the workspace {name} of {workspace.name}"
    argv = ["workspace", "select", "-no-color", terraform_program.checked_workspace(name, doing)]
    output = await terraform_program.run(workspace, argv, timeout=timeout, doing=doing)
    if not output.exit_code:
        return
    text = f"{output.stdout}\n{output.stderr}"
    if "doesn't exist" in text:
        problem = f"there is no workspace {name}"
        remedy = f"Correct terraform.workspace, or make it: {workspace.program.name} workspace new {name}"
        raise NotFoundError(doing, problem, remedy=remedy, exit_code=output.exit_code)
    diagnostics, plain = terraform_errors.from_text(text), terraform_errors.plain(text)
    raise terraform_errors.explain(doing, output.exit_code, diagnostics, version=str(workspace.program), tail=plain)


@asynccontextmanager
async def _exclusive(entry: Path | None, timeout: float, doing: str) -> AsyncIterator[None]:
    """Hold a cache entry's lock: Terraform does not promise that two inits can fill it at the same time."""
    if entry is None:
        yield
        return
    handle = os.open(entry / ".lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        await _lock(handle, timeout, doing)
        yield
    finally:
        os.close(handle)  # this releases the lock


async def _lock(handle: int, timeout: float, doing: str) -> None:
    try:
        async with asyncio.timeout(timeout):
            while not _try_lock(handle):  # noqa: ASYNC110 - the kernel wakes no event
                await asyncio.sleep(0.1)
    except TimeoutError:
        raise TimedOutError(doing, f"others filled the plugin cache for more than {timeout:g} seconds") from None


def _try_lock(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
