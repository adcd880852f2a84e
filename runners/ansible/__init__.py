"""Playbooks by Ansible: ansible-runner as a child that outlives the bot, its events folded into results."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import re
import shutil
import sys
import time
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

from runners.ansible import files as ansible_files
from runners.ansible.events import PlaybookRecord, masker
from runners.ansible.files import Places
from runners.ansible.stragglers import end_marked
from runners.detached import Detached
from runners.errors import NotFoundError, ProgramMissingError, RunnerError, TimedOutError
from runners.results import FailedTask, HostResult, PlaybookResult, State

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from pathlib import Path

    from runners.results import Inventory

    OnProgress = Callable[[PlaybookResult], Awaitable[None]]

GRACE = 5.0  # seconds: ansible-runner answers SIGINT by killing ansible-playbook, at most 5 s later
PROGRESS_PAUSE = 0.2  # seconds, at least, between two calls of on_progress
LAST_WORD = 5.0  # seconds that a call of on_progress may go on after the end
_IDENT = "run"
_MISSING_PROGRAM = 127

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PlaybookJob:
    """One playbook against an inventory.

    `project` is the directory that `playbook` is relative to. `extra_vars` and `secret_vars` are data: no text in
    them is taken for a template. `scratch` is this job's own directory: one run, once. `known_hosts` is where ssh
    remembers hosts; without it only for this run.
    """

    project: Path
    playbook: str
    inventory: Inventory
    limit: str | None
    extra_vars: Mapping[str, object]
    secret_vars: Mapping[str, str] = field(repr=False)
    private_key: str | None = field(repr=False)
    scratch: Path
    check: bool = False
    known_hosts: Path | None = None
    forks: int = 10

    @property
    def doing(self) -> str:
        """What is being done, for errors."""
        return f"running {self.playbook} on {self.inventory.environment}"


async def run_playbook(job: PlaybookJob, *, on_progress: OnProgress, timeout: float) -> PlaybookResult:
    """Run a playbook to its end; `on_progress` hears of changes, one call at a time, and its errors are only logged.

    A playbook that failed on some host is a result, not an error. On a timeout or when cancelled, everything that it
    started on this machine is ended (what runs on the hosts goes on there), and `resume_playbook` then says cut short.
    Variables and key lie on disk only as long as it runs.

    Raises:
        NotFoundError: no such playbook; or no host at all.
        ProgramMissingError: Ansible is not installed.
        AccessDeniedError: the private key cannot be used.
        TimedOutError: it took longer than `timeout` seconds.
        RunnerError: Ansible refused the playbook, or it has run here before.
    """
    places = Places(job.scratch.absolute() / "ansible")
    _check(job, places)
    key = ansible_files.key_text(job.private_key, job.doing) if job.private_key else None
    env = await asyncio.to_thread(_prepare, job, places, key)
    try:
        await Detached.start(places.run, _argv(job, places), cwd=places.data, env=env)
    except BaseException:
        await _give_up(places)
        raise
    return await _follow(job, places, on_progress, timeout)


async def resume_playbook(job: PlaybookJob, *, on_progress: OnProgress, timeout: float) -> PlaybookResult | None:
    """What became of the run that this job's scratch knows: waits for it when it still runs.

    `finished` is false when it was cut short: how far it came is then not sure. None when it never started.

    Raises:
        TimedOutError, RunnerError: as `run_playbook`.
    """
    places = Places(job.scratch.absolute() / "ansible")
    if places.result.exists():
        places.remove_secrets()
        return read_result(places.result.read_text(encoding="utf-8"))
    if not places.run.exists() or Detached.attach(places.run) is None:
        await _give_up(places)
        return None
    return await _follow(job, places, on_progress, timeout)


def _check(job: PlaybookJob, places: Places) -> None:
    if places.result.exists() or places.run.exists():
        raise RunnerError(job.doing, "it was started here before, and runs at most once")
    if not job.inventory.hosts:
        raise NotFoundError(job.doing, "the inventory has no host", remedy="Check the machines and their tags.")
    if job.limit is not None and job.limit.startswith(("-", "@")):
        raise RunnerError(job.doing, f"{job.limit!r} is no pattern of hosts")
    relative = job.playbook.startswith(("-", "/")) or ".." in job.playbook.split("/")
    if relative or not (job.project / job.playbook).is_file():
        raise NotFoundError(
            job.doing,
            f"there is no playbook {job.playbook} in {job.project.name}/",
            remedy="Check `directory` and `playbook` in the configuration, and that this commit has the file.",
        )


def _prepare(job: PlaybookJob, places: Places, key: str | None) -> dict[str, str]:
    try:
        variables = ansible_files.variables_text(job.extra_vars, job.secret_vars)
        ansible_files.prepare(places, job.inventory, variables, key)
        env = ansible_files.environment(places, known_hosts=job.known_hosts, forks=job.forks, key=key is not None)
        _find_ansible(job, env["PATH"])
    except BaseException:
        places.remove_secrets()
        raise
    return env


def _find_ansible(job: PlaybookJob, search_path: str) -> None:
    if not shutil.which("ansible-playbook", path=search_path):
        raise _ansible_missing(job)


def _ansible_missing(job: PlaybookJob) -> ProgramMissingError:
    return ProgramMissingError(
        job.doing,
        "there is no ansible-playbook beside this Python or on PATH",
        remedy="Install ansible-core into the bot's environment.",
    )


def _argv(job: PlaybookJob, places: Places) -> list[str]:
    # -I: else Python would import modules from the working directory.
    argv = [sys.executable, "-I", "-m", "ansible_runner", "run", str(places.data), "--playbook", job.playbook]
    argv += ["--project-dir", str(job.project.absolute()), "--ident", _IDENT, "--json", "--omit-env-files"]
    if job.limit is not None:
        argv.append(f"--limit={job.limit}")
    if job.check:
        argv.append("--cmdline=--check")
    return argv


async def _follow(job: PlaybookJob, places: Places, on_progress: OnProgress, timeout: float) -> PlaybookResult:
    running = Detached(places.run)
    mask = masker([*job.secret_vars.values(), *([job.private_key] if job.private_key else [])])
    names = [host.name for host in job.inventory.hosts]
    record = PlaybookRecord(job.playbook, names, os.path.realpath(job.project), mask)
    changed, over = asyncio.Event(), asyncio.Event()
    telling = asyncio.create_task(_tell_changes(record, changed, over, on_progress))
    try:
        async with asyncio.timeout(timeout):
            async for line in running.lines():
                if record.take(line):
                    changed.set()
            exit_code = await running.wait(timeout)
    except (TimeoutError, TimedOutError):
        await asyncio.shield(_end(running, places, record))
        raise TimedOutError(
            job.doing, f"it took longer than {timeout:g} seconds and was ended", log_tail=record.log_tail()
        ) from None
    except asyncio.CancelledError:
        await asyncio.shield(_end(running, places, record))
        raise
    finally:
        over.set()
        changed.set()
        await asyncio.wait({telling}, timeout=LAST_WORD)
        telling.cancel()
    return await _conclude(job, places, record, exit_code)


async def _tell_changes(
    record: PlaybookRecord, changed: asyncio.Event, over: asyncio.Event, on_progress: OnProgress
) -> None:
    """Tell the newest state after each change, but not too often. Apart from the run: whoever is slow delays nothing."""
    while True:
        await changed.wait()
        if over.is_set():
            return
        changed.clear()
        await _tell(on_progress, record.result())
        with suppress(TimeoutError):
            async with asyncio.timeout(PROGRESS_PAUSE):
                await over.wait()


async def _tell(on_progress: OnProgress, result: PlaybookResult) -> None:
    try:
        await on_progress(result)
    except Exception:
        log.exception("Nobody heard how %s goes", result.playbook)


async def _end(running: Detached, places: Places, record: PlaybookRecord) -> None:
    """End it with all that it started: ansible-playbook and its workers have sessions of their own."""
    await running.cancel(GRACE)
    await end_marked(str(places.base))
    await asyncio.to_thread(_keep, places, record.result(None, ended=True))


async def _conclude(job: PlaybookJob, places: Places, record: PlaybookRecord, exit_code: int | None) -> PlaybookResult:
    refused = exit_code is not None and exit_code > 0 and not record.has_tasks
    if refused or record.ran_nowhere:
        await _give_up(places)
        raise _refusal(job, record, exit_code)
    if not record.has_recap:
        await end_marked(str(places.base))
    result = record.result(exit_code, ended=True)
    await asyncio.to_thread(_keep, places, result)
    return result


async def _give_up(places: Places) -> None:
    await asyncio.to_thread(places.remove_secrets)


def _refusal(job: PlaybookJob, record: PlaybookRecord, exit_code: int | None) -> RunnerError:
    tail = record.log_tail()
    if exit_code == _MISSING_PROGRAM:
        return _ansible_missing(job)
    if record.ran_nowhere or "no hosts to target" in tail:
        whom = f"limit {job.limit!r} names" if job.limit is not None else "plays name"
        return NotFoundError(
            job.doing,
            f"nothing was done: the {whom} no host or group of the inventory",
            remedy=f"It has {_names(job)}.",
            log_tail=tail,
        )
    return RunnerError(
        job.doing, _first_complaint(tail) or "Ansible refused the playbook", exit_code=exit_code, log_tail=tail
    )


def _names(job: PlaybookJob) -> str:
    groups = dict.fromkeys(host.machine for host in job.inventory.hosts)
    return ", ".join([*groups, *(host.name for host in job.inventory.hosts)][:20])


def _first_complaint(tail: str) -> str:
    found = re.search(r"^(?:\[ERROR\]:|ERROR!) *(.+)$", tail, re.MULTILINE)
    return found.group(1)[:300] if found else ""


def _keep(places: Places, result: PlaybookResult) -> None:
    """Leave the masked result, then delete everything else: in this order a kill in between loses nothing."""
    temporary = places.result.with_suffix(f".{time.monotonic_ns()}")
    ansible_files.write_secret(temporary, json.dumps(asdict(result)))
    temporary.replace(places.result)
    places.remove_secrets()


def read_result(text: str) -> PlaybookResult:
    """A PlaybookResult from the JSON of its fields."""
    kept = json.loads(text)
    hosts = tuple(HostResult(**{**one, "state": State(one["state"])}) for one in kept.pop("hosts"))
    failures = tuple(FailedTask(**one) for one in kept.pop("failures"))
    return PlaybookResult(**{**kept, "state": State(kept["state"])}, hosts=hosts, failures=failures)
