"""Why a playbook did not run at all, in words."""

from __future__ import annotations

import errno
import re
from typing import TYPE_CHECKING

from runners.errors import NotFoundError, ProgramMissingError, RunnerError
from runners.explain.disk import DISK_FULL, MAKE_ROOM

if TYPE_CHECKING:
    from runners.ansible.events import PlaybookRecord
    from runners.ansible.job import PlaybookJob

_MISSING_PROGRAM = 127
# ansible-playbook's for an error of its own: general, parser, options, unexpected (ansible/cli/__init__.py, errors).
_ERROR_CODES = frozenset({1, 4, 5, 250})
_SUBMODULE = "Name it with its repository and version in roles/requirements.yml, or copy its files into the repository."
_REQUIREMENTS = "Name it in deploy.ansible.collections, or in requirements.yml beside the playbooks."
_ROLE_REQUIREMENTS = "Name it with a version in requirements.yml beside the playbooks."
# What Ansible complains of before the first task, and what to do about it. The order counts.
_REMEDIES = (
    (
        r"couldn't resolve module/action '(\w+\.\w+)\.\w+'",
        "Add `{}` to deploy.ansible.collections, or name it in requirements.yml beside the playbooks.",
    ),
    (
        r"couldn't resolve module/action",
        "If it is of a collection, name that in deploy.ansible.collections, and the module by its whole name.",
    ),
    (
        r"the role '([^']+)' was not found",
        f"{_ROLE_REQUIREMENTS} If {{}} is a git submodule: an archive of the repository does not have it.",
    ),
    (r"(?i)collection.{0,80}(?:was not found|not found|unable to)", _REQUIREMENTS),
    (r"(?i)no vault secrets found", "Name the variable with the vault password in deploy.ansible.vault_password_env."),
    (r"Decryption failed", "Check the value of the variable that deploy.ansible.vault_password_env names."),
)


def refusal(job: PlaybookJob, record: PlaybookRecord, exit_code: int | None) -> RunnerError:
    """The error for a run that came to no task, or to no host."""
    tail = record.log_tail()
    if exit_code == _MISSING_PROGRAM:
        return ansible_missing(job)
    if record.ran_nowhere and "no hosts matched" not in tail:
        return NotFoundError(
            job.doing,
            "nothing was done: the plays have no task that runs",
            remedy="Check the tasks and their tags, and deploy.ansible.tags; a task tagged `never` does not run.",
            log_tail=tail,
        )
    if record.ran_nowhere or "no hosts to target" in tail:
        whom = f"limit {job.limit!r} names" if job.limit is not None else "plays name"
        return NotFoundError(
            job.doing,
            f"nothing was done: the {whom} no host or group of the inventory",
            remedy=f"It has {_names(job)}. deploy.ansible.groups adds a group that every host is in.",
            log_tail=tail,
        )
    if DISK_FULL.search(tail):
        return RunnerError(job.doing, "the disk is full", remedy=MAKE_ROOM, exit_code=exit_code, log_tail=tail)
    complaint = complaint_of(tail)
    return RunnerError(
        job.doing,
        complaint or "Ansible refused the playbook",
        remedy=remedy_of(complaint or tail),
        exit_code=exit_code,
        log_tail=tail,
    )


def remedy_of(complaint: str) -> str:
    """What to do about a complaint of Ansible; "" where that is not known."""
    for pattern, remedy in _REMEDIES:
        match = re.search(pattern, complaint)
        if match:
            return remedy.format(*match.groups())
    return ""


def in_job(job: PlaybookJob, text: str) -> str:
    """Ansible's output with paths as in the repository."""
    return text.replace(f"{(job.root or job.project).absolute()}/", "")


def unpacked_submodule(job: PlaybookJob, path: str) -> NotFoundError:
    """The error for a directory without a file: git stores none, so it is a submodule, which GitHub's archives leave out."""
    return NotFoundError(
        job.doing,
        f"{path} is empty: it is a git submodule, which an archive of the repository does not have",
        remedy=_SUBMODULE,
    )


def _names(job: PlaybookJob) -> str:
    groups = dict.fromkeys(host.machine for host in job.inventory.hosts)
    return ", ".join([*groups, *(host.name for host in job.inventory.hosts)][:20])


def stopped_by(record: PlaybookRecord, exit_code: int | None) -> str:
    """Why Ansible itself stopped in the middle, as when it cannot read an included file. "" where it was killed."""
    complaints = _complaints(record.log_tail())
    return f"Ansible stopped: {complaints[-1].rstrip('.')}" if exit_code in _ERROR_CODES and complaints else ""


def complaint_of(tail: str) -> str:
    """The first complaint of Ansible itself in its output; "" without one."""
    return next(iter(_complaints(tail)), "")


def _complaints(tail: str) -> list[str]:
    return [text[:300] for text in re.findall(r"^(?:\[ERROR\]:|ERROR!) *(.+)$", tail, re.MULTILINE)]


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
        return RunnerError(job.doing, "the disk is full: its files could not be written", remedy=MAKE_ROOM)
    return RunnerError(
        job.doing,
        f"its files could not be written ({error.strerror or type(error).__name__})",
        remedy="Look at the directory that operations keep their files in (operations.directory).",
    )
