"""Why a playbook did not run at all, in words."""

from __future__ import annotations

import errno
import re
from typing import TYPE_CHECKING

from runners.errors import NotFoundError, ProgramMissingError, RunnerError

if TYPE_CHECKING:
    from runners.ansible.events import PlaybookRecord
    from runners.ansible.job import PlaybookJob

_MISSING_PROGRAM = 127
_DISK_FULL = re.compile(r"no space left on device|disk quota exceeded", re.IGNORECASE)
_MAKE_ROOM = "Make room on the disk that operations keep their files on, then deploy again."


def refusal(job: PlaybookJob, record: PlaybookRecord, exit_code: int | None) -> RunnerError:
    """The error for a run that came to no task, or to no host."""
    tail = record.log_tail()
    if exit_code == _MISSING_PROGRAM:
        return ansible_missing(job)
    if record.ran_nowhere or "no hosts to target" in tail:
        whom = f"limit {job.limit!r} names" if job.limit is not None else "plays name"
        return NotFoundError(
            job.doing,
            f"nothing was done: the {whom} no host or group of the inventory",
            remedy=f"It has {_names(job)}.",
            log_tail=tail,
        )
    if _DISK_FULL.search(tail):
        return RunnerError(job.doing, "the disk is full", remedy=_MAKE_ROOM, exit_code=exit_code, log_tail=tail)
    return RunnerError(
        job.doing, _first_complaint(tail) or "Ansible refused the playbook", exit_code=exit_code, log_tail=tail
    )


def _names(job: PlaybookJob) -> str:
    groups = dict.fromkeys(host.machine for host in job.inventory.hosts)
    return ", ".join([*groups, *(host.name for host in job.inventory.hosts)][:20])


def _first_complaint(tail: str) -> str:
    match = re.search(r"^(?:\[ERROR\]:|ERROR!) *(.+)$", tail, re.MULTILINE)
    return match.group(1)[:300] if match else ""


def ansible_missing(job: PlaybookJob) -> ProgramMissingError:
    """The error where there is no Ansible."""
    return ProgramMissingError(
        job.doing,
        "there is no ansible-playbook beside this Python or on PATH",
        remedy="Install ansible-core into the bot's environment.",
    )


def unwritable(job: PlaybookJob, error: OSError) -> RunnerError:
    """The error where the run's files could not be written."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return RunnerError(job.doing, "the disk is full: its files could not be written", remedy=_MAKE_ROOM)
    return RunnerError(
        job.doing,
        f"its files could not be written ({error.strerror or type(error).__name__})",
        remedy="Look at the directory that operations keep their files in (operations.directory).",
    )
