"""The state's lock: whose it is, and how one that nobody holds any more is given back."""

from __future__ import annotations

import os
import platform
import pwd
import re
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from runners.errors import NotFoundError, RunnerError
from runners.terraform import errors as terraform_errors, program as terraform_program

if TYPE_CHECKING:
    from datetime import datetime

    from runners.errors import StateLockedError
    from runners.terraform.program import Workspace

_LOCK_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/=-]{0,199}")
_SLACK = timedelta(seconds=2)  # between our clock's look and the one that Terraform takes: the same clock, twice
_NO_LOCK = re.compile(
    r"not locked|does not match|no such key|NoSuchKey|status ?code:? 404|failed to retrieve lock info", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class TerraformRun:
    """Terraform run for an operation: as whom (`user@host`, see `own_name`), and between which times (aware UTC).

    `ended` is None as long as it may still run.
    """

    who: str
    began: datetime
    ended: datetime | None = None


def own_name() -> str:
    """What Terraform writes into a lock as "Who" when we run it: user@host, either of them empty when unknown."""
    try:
        user = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a container's made-up user
        user = ""
    return f"{user}@{platform.node()}"


def lock_is_ours(error: StateLockedError, run: TerraformRun) -> bool:
    """Whether the lock was left behind by this run of ours: by the same user and host, within its time, and it is over.

    A lock that says too little is nobody's of ours. Anything else that this user runs on this host within that time
    looks the same: a host of the bot's own, where nobody works by hand, keeps that apart.
    """
    if run.ended is None or error.lock_id is None or error.who is None or error.created is None:
        return False
    return error.who == run.who and run.began - _SLACK <= error.created <= run.ended + _SLACK


async def force_unlock(workspace: Workspace, lock_id: str, *, timeout: float) -> None:
    """Give back a lock that nobody holds any more; the workspace must be initialised.

    Backends compare the id: a lock that somebody took meanwhile stays.

    Raises:
        NotFoundError: there is no lock of that id any more.
        RunnerError: it is no lock's id, or the backend refuses.
    """
    doing = f"unlocking the state of {workspace.name}"
    if not _LOCK_ID.fullmatch(lock_id):
        raise RunnerError(doing, "that is no lock's id")
    terraform_program.prepare(workspace, doing)
    argv = ["force-unlock", "-force", lock_id]
    answer = await terraform_program.run(workspace, argv, timeout=timeout, doing=doing)
    if not answer.exit_code:
        return
    text = f"{answer.stdout}\n{answer.stderr}"
    plain = terraform_errors.plain(text)
    if _NO_LOCK.search(plain) and not terraform_errors.NO_NETWORK.search(plain):
        problem = f"the state is no longer locked by {lock_id}"
        raise NotFoundError(doing, problem, remedy="Plan again.", exit_code=answer.exit_code, log_tail=plain)
    diagnostics = terraform_errors.from_text(text)
    raise terraform_errors.explain(doing, answer.exit_code, diagnostics, version=str(workspace.program), tail=plain)
