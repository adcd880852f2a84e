"""Terraform's state: the addresses in it, and its lock, which can be recognised as orphaned and released."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import pwd
import re
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from runners.errors import NotFoundError, RunnerError
from runners.terraform import errors as terraform_errors, program as terraform_program
from runners.terraform.causes import NO_NETWORK

if TYPE_CHECKING:
    from datetime import datetime

    from runners.errors import StateLockedError
    from runners.terraform.program import Workspace

_LOCK_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/=-]{0,199}")
_TOLERANCE = timedelta(seconds=2)  # between our reading of the clock and Terraform's
_NO_LOCK = re.compile(
    r"not locked|does not match|no such key|NoSuchKey|status ?code:? 404|failed to retrieve lock info", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class TerraformRun:
    """A run of terraform for an operation: as whom (`user@host`, see `own_name`) and when (aware UTC).

    `ended` is None while it may still run.
    """

    who: str
    began: datetime
    ended: datetime | None = None


async def state_digest(workspace: Workspace, *, timeout: float) -> str:
    """What identifies the present state: its lineage and serial, and a digest of all of it; empty when there is none yet.

    Raises:
        RunnerError: the state cannot be read.
    """
    doing = f"reading the state of {workspace.name}"
    terraform_program.prepare(workspace, doing)
    output = await terraform_program.run(workspace, ["state", "pull"], timeout=timeout, doing=doing)
    if output.exit_code:
        diagnostics = terraform_errors.from_text(output.stderr)
        raise terraform_errors.explain(
            doing, output.exit_code, diagnostics, version=str(workspace.program), tail=output.stderr
        )
    if not output.stdout.strip():
        return ""
    try:
        state = json.loads(output.stdout)
        named = f"{state['lineage']} {state['serial']}"
    except (ValueError, KeyError, TypeError) as error:
        raise RunnerError(doing, "Terraform printed no state") from error
    return f"{named} {hashlib.sha256(output.stdout.encode()).hexdigest()}"


async def addresses_in_state(workspace: Workspace, *, timeout: float) -> tuple[str, ...]:
    """The addresses of the resources in the state, in Terraform's order; empty when there is no state yet.

    Raises:
        RunnerError: the state cannot be read.
    """
    doing = f"reading the state of {workspace.name}"
    terraform_program.prepare(workspace, doing)
    output = await terraform_program.run(workspace, ["state", "list"], timeout=timeout, doing=doing)
    if output.exit_code and "No state file was found" not in output.stderr:
        diagnostics = terraform_errors.from_text(output.stderr)
        raise terraform_errors.explain(
            doing, output.exit_code, diagnostics, version=str(workspace.program), tail=output.stderr
        )
    return tuple(line for line in output.stdout.splitlines() if line)


def own_name() -> str:
    """What Terraform writes into a lock as "Who" when this process runs it: user@host, each empty when unknown."""
    try:
        user = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a container's user without a name
        user = ""
    return f"{user}@{platform.node()}"


def is_orphaned_lock(error: StateLockedError, run: TerraformRun) -> bool:
    """Whether the lock was taken by this run, which is over: by the same user and host, within the run's time.

    False for a lock that lacks these details. A command that the same user runs by hand on this host in that time cannot
    be distinguished: run the bot on a host where nobody works by hand.
    """
    if run.ended is None or error.lock_id is None or error.who is None or error.created is None:
        return False
    return error.who == run.who and run.began - _TOLERANCE <= error.created <= run.ended + _TOLERANCE


async def force_unlock(workspace: Workspace, lock_id: str, *, timeout: float) -> None:
    """Release an orphaned lock; the workspace must be initialised.

    Backends compare the id: a lock that somebody took meanwhile stays.

    Raises:
        NotFoundError: there is no lock of that id (any more).
        RunnerError: the id is malformed, or the backend refuses.
    """
    doing = f"unlocking the state of {workspace.name}"
    if not _LOCK_ID.fullmatch(lock_id):
        raise RunnerError(doing, "that is no lock's id")
    terraform_program.prepare(workspace, doing)
    output = await terraform_program.run(workspace, ["force-unlock", "-force", lock_id], timeout=timeout, doing=doing)
    if not output.exit_code:
        return
    text = f"{output.stdout}\n{output.stderr}"
    plain = terraform_errors.plain(text)
    if _NO_LOCK.search(plain) and not NO_NETWORK.search(plain):
        problem = f"the state is no longer locked by {lock_id}"
        raise NotFoundError(doing, problem, remedy="Plan again.", exit_code=output.exit_code, log_tail=plain)
    diagnostics = terraform_errors.from_text(text)
    raise terraform_errors.explain(doing, output.exit_code, diagnostics, version=str(workspace.program), tail=plain)
