"""An operation's own directory, with its code, plan and keys: removed when the operation is over, and not before."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from runners.concurrency import run_blocking
from runners.errors import RunnerError
from runners.processes.detached import Detached
from runners.removal import remove_tree

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_TIMEOUT = 120.0  # seconds


async def wipe(directory: Path) -> None:
    """Remove the directory with whatever is in it; links in it go, and what they lead to stays. Fine when it is gone.

    Raises:
        RunnerError: it is a link, it is another user's or others may write to it, a program that outlives the bot
            still runs in it, or the system does not let it go.
    """
    doing = f"removing the files of operation {directory.name}"
    await run_blocking(_wipe, directory, doing, timeout=_TIMEOUT, doing=doing)


def _wipe(directory: Path, doing: str) -> None:
    try:
        _check(directory, doing)
        _remove(directory)
    except FileNotFoundError:
        return
    except OSError as error:
        raise RunnerError(doing, f"they cannot be removed: {error.strerror}") from None


def _check(directory: Path, doing: str) -> None:
    status = directory.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid() or status.st_mode & 0o022:
        raise RunnerError(doing, f"{directory.name} is no directory that only the bot writes to")
    if any(process.running for process in _started_in(directory)):
        raise RunnerError(doing, "what it started still runs")


def _started_in(directory: Path) -> Iterator[Detached]:
    """An apply; the playbooks, each in a directory of its role."""
    # These places alone: files of the same names in what a child may write to prove nothing.
    for claim in (*directory.glob("apply/claim"), *directory.glob("playbook-*/ansible/run/claim")):
        if (claim.parent / "output").exists():
            yield Detached(claim.parent)


def _remove(directory: Path) -> None:
    while directory.exists():
        try:
            remove_tree(directory)
        except FileNotFoundError:  # another process deletes in it as well: read again
            continue
