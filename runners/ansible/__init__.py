"""Playbooks by Ansible: ansible-runner as a child that outlives the bot, its events folded into results."""

from __future__ import annotations

import asyncio
import shutil
from typing import TYPE_CHECKING

from runners.ansible import files as ansible_files
from runners.ansible.files import Places
from runners.ansible.following import GRACE, Following, end, give_up, keep, read_result
from runners.ansible.job import PlaybookJob, argv_of, check_job, environment_of, room_of, variables_of
from runners.ansible.refusals import ansible_missing, unwritable
from runners.processes.children import FILES
from runners.results import HostResult, PlaybookResult, State
from runners.ssh.keys import key_text

if TYPE_CHECKING:
    from pathlib import Path

    from runners.ansible.following import OnProgress
    from runners.processes.children import Child, Children

__all__ = [
    "GRACE",
    "PlaybookJob",
    "cancel_playbook",
    "log_of",
    "read_result",
    "resume_playbook",
    "run_playbook",
    "started_playbook",
    "stored_result",
]


async def run_playbook(job: PlaybookJob, *, on_progress: OnProgress, timeout: float) -> PlaybookResult:
    """Run a playbook to its end; `on_progress` gets changes, one call at a time, and its errors are only logged.

    A playbook that failed on some host is a result, not an error, and so is one that `cancel_playbook` ended. On a
    timeout or when this call is cancelled, everything that it started on this machine is ended (what runs on the hosts
    goes on there), and `resume_playbook` then reports it as interrupted. Variables and key are on disk only while it runs.

    Raises:
        NotFoundError: no such playbook; or no host at all.
        ProgramMissingError: Ansible is not installed.
        AccessDeniedError: the private key cannot be used.
        TimedOutError: it took longer than `timeout` seconds.
        RunnerError: Ansible refused the playbook, it has run here before, or the disk is full.
    """
    places = places_of(job.scratch)
    check_job(job, places)
    key = key_text(job.private_key, job.doing) if job.private_key else None
    env = await asyncio.to_thread(_prepare, job, places, key)
    if places.cancelled.exists():
        return await _never_begun(job, places)
    try:
        room, leaves = room_of(job, places), places.outcomes
        argv = argv_of(job, places)
        run = await job.children.start(job.name, places.run, argv, cwd=places.data, env=env, room=room, leaves=leaves)
    except BaseException:
        await give_up(places)
        raise
    if places.cancelled.exists():  # started since the check, so that the cancel may have had nothing to end
        await end(places, run)
    return await Following(job, places, run).to_the_end(on_progress, timeout)


async def resume_playbook(job: PlaybookJob, *, on_progress: OnProgress, timeout: float) -> PlaybookResult | None:
    """The outcome of the run in this job's scratch directory: waits while it still runs.

    `finished` is false when it was interrupted: how far it came is then uncertain. None when it never started.

    Raises:
        TimedOutError, RunnerError: as `run_playbook`.
    """
    places = places_of(job.scratch)
    if places.result.exists():
        places.remove_secrets()
        return await stored_result(job.scratch)
    run = await job.children.attach(job.name, places.run)
    if run is None:
        await give_up(places)
        return None
    places.base.mkdir(mode=0o700, parents=True, exist_ok=True)  # it may run on another machine
    return await Following(job, places, run).to_the_end(on_progress, timeout)


async def started_playbook(scratch: Path, name: str = "playbook", children: Children = FILES) -> Child | None:
    """The run of the job with this scratch, running or ended; None when it never started."""
    return await children.attach(name, places_of(scratch).run)


async def cancel_playbook(scratch: Path, name: str = "playbook", children: Children = FILES) -> None:
    """End the run of the job with this scratch, or keep it from starting; its waiters get its result.

    No further task is begun. What a task has already started on a host may continue there.
    """
    places = places_of(scratch)
    await asyncio.to_thread(places.mark_cancelled)
    if not places.result.exists() and (run := await children.attach(name, places.run)):
        await end(places, run)


async def stored_result(scratch: Path) -> PlaybookResult | None:
    """How the run of the job with this scratch ended, one that took too long as well; None where none has."""
    path = places_of(scratch).result
    if not path.exists():
        return None
    return read_result(await asyncio.to_thread(path.read_text, encoding="utf-8"))


def log_of(scratch: Path) -> Path:
    """The file with all that Ansible printed, masked; there from the start of the run, gone with the scratch."""
    return places_of(scratch).log


def places_of(scratch: Path) -> Places:
    """Where a job's files lie."""
    return Places(scratch.absolute() / "ansible")


async def _never_begun(job: PlaybookJob, places: Places) -> PlaybookResult:
    hosts = tuple(HostResult(host.name, State.WAITING) for host in job.inventory.hosts)
    result = PlaybookResult(job.playbook, State.CANCELLED, hosts)
    await asyncio.to_thread(keep, places, result)
    return result


def _prepare(job: PlaybookJob, places: Places, key: str | None) -> dict[str, str]:
    try:
        own = job.inventory.source or job.variables
        pinned = ansible_files.pinned_variables(str(places.key) if key else "") if own else {}
        variables = ansible_files.variables_text({**pinned, **job.extra_vars}, job.secret_vars)
        secrets = {"key": key, "vault_password": job.vault_password, "route_secret": job.route_secret}
        given = {"known_hosts": job.known_hosts, "recorded": job.recorded, "variables_of_groups": variables_of(job)}
        ansible_files.prepare(places, job.inventory, variables, **given, **secrets)  # type: ignore[arg-type]
        env = environment_of(job, places, forks=job.forks)
        _find_ansible(job, env["PATH"])
    except OSError as error:
        places.remove_secrets()
        raise unwritable(job, error) from error
    except BaseException:
        places.remove_secrets()
        raise
    return env


def _find_ansible(job: PlaybookJob, search_path: str) -> None:
    if not shutil.which("ansible-playbook", path=search_path):
        raise ansible_missing(job)
