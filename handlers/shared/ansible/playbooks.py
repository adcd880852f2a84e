"""The playbook of a role: prepared from the configuration, run or resumed once, stopped, recorded in the audit log."""

from __future__ import annotations

import logging
import zlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from bot.operations.entries import annotate_once
from handlers.shared.ansible import host_keys
from handlers.shared.ansible.recorded import with_recorded
from handlers.shared.ansible.scope import private_key_of, route_secret_of, secret_vars_of, vault_password_of
from handlers.shared.caches import cache_of
from handlers.shared.checkout import code_of
from handlers.shared.resuming import prepared
from runners import ansible
from runners.ansible import PlaybookJob, galaxy
from runners.ansible.logfile import read_log
from runners.concurrency import run_blocking
from runners.errors import RunnerError, UncertainError
from runners.results import PlaybookResult, State

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from bot.operations.operation import Operation
    from handlers.shared.ansible.scope import Work
    from runners.errors import TimedOutError
    from runners.processes.children import Child, Children
    from runners.results import Inventory

    OnProgress = Callable[[PlaybookResult], Awaitable[None]]

log = logging.getLogger(__name__)
READ_TIMEOUT = 60.0
CODE_TIMEOUT = 600.0  # seconds for which GitHub is asked again after a playbook has ended


@dataclass(frozen=True, slots=True)
class Play:
    """The playbook of a role, for the role's hosts among `hosts`."""

    role: str
    work: Work
    hosts: Inventory

    @property
    def role_hosts(self) -> Inventory:
        """The hosts of the role."""
        return replace(self.hosts, hosts=tuple(host for host in self.hosts.hosts if host.machine == self.role))


async def prepare(operation: Operation, work: Work) -> tuple[Path, Path | None]:
    """The playbooks' directory at the commit, and the directory of the collections and roles that it needs (None: nothing).

    Complete copies are used again. Raises RunnerError when GitHub or a galaxy does not answer, or a file is invalid.
    """
    services, root = operation.services, await code_of(operation, work.commit)
    project, cache = root / work.settings.directory, cache_of(operation, services.workplace / "galaxy")
    isolation = services.isolation_of(operation.environment)
    named = {each.name: each.version for each in work.settings.collections}
    return project, await galaxy.install(
        project, cache, operation.scratch, isolation=isolation, root=root, collections=named
    )


async def run(operation: Operation, play: Play, on_progress: OnProgress) -> PlaybookResult:
    """Within a step: run the playbook, once."""
    job = await with_recorded(operation, play.work, await _job(operation, play))
    await operation.check_authorized("playbooks", reads=play.work.scope.check)
    action = "playbook check started" if play.work.scope.check else "playbook started"
    await annotate_once(operation, action, machine=play.role, commit=play.work.commit.sha)
    result = await ansible.run_playbook(job, on_progress=on_progress, timeout=_timeout(operation))
    return await _ended(operation, play, result)


async def resume(operation: Operation, play: Play, on_progress: OnProgress) -> PlaybookResult:
    """Within a step, after a restart: follow the playbook to its end if it has begun, else run it.

    Raises UncertainError where it has begun, and what it takes to follow it cannot be had.
    """
    started = await ansible.started_playbook(
        scratch_of(operation, play.role), run_name(play.role), _children(operation)
    )
    job = await (_job_again(operation, play, started) if started else _job(operation, play))
    result = await ansible.resume_playbook(job, on_progress=on_progress, timeout=_timeout(operation))
    if result is None:
        return await run(operation, play, on_progress)
    return await _ended(operation, play, result)


async def _job_again(operation: Operation, play: Play, started: Child) -> PlaybookJob:
    try:
        return await prepared(lambda: _job(operation, play), started, timeout=CODE_TIMEOUT)
    except RunnerError as error:
        doing, problem = f"following the playbook of {play.role}", f"{error.doing}: {error.problem}"
        raise UncertainError(doing, problem, remedy="Check the hosts before you start it again.") from error


async def timed_out(operation: Operation, role: str, error: TimedOutError) -> PlaybookResult | None:
    """Within a step: the partial result of a playbook that was stopped by its timeout; None where it had not begun."""
    stored = await ansible.stored_result(scratch_of(operation, role))
    if stored is None:
        return None
    hosts = tuple(replace(host, state=State.FAILED) if host.state is State.UNKNOWN else host for host in stored.hosts)
    result = replace(stored, state=State.FAILED, hosts=hosts, finished=True, overdue=error.problem)
    await _store_log(operation, role)
    await _record_end(operation, role, result)
    return result


async def stop(operation: Operation, role: str) -> None:
    """Stop the role's playbook, or prevent its start."""
    await ansible.cancel_playbook(scratch_of(operation, role), run_name(role), _children(operation))


def _children(operation: Operation) -> Children:
    return operation.services.children.of(operation.number, ansible.GRACE)


def run_name(role: str) -> str:
    """The name of the role's playbook run among the operation's long children."""
    return f"playbook-{role}"


def scratch_of(operation: Operation, role: str) -> Path:
    """The directory of the files of the role's playbook run."""
    return operation.scratch / run_name(role)


async def log_text(operation: Operation, role: str) -> str:
    """Within a step: all that Ansible printed for the role, masked; of a long log its two ends. Empty where there is none."""
    path = ansible.log_of(scratch_of(operation, role))
    if not operation.services.artifacts.shared or path.exists():
        return await run_blocking(read_log, path, timeout=READ_TIMEOUT, doing=f"reading the log of {role}")
    stored = await operation.services.artifacts.get(operation.number, _log_name(role), f"the log of {role}")
    return zlib.decompress(stored).decode() if stored is not None else ""


async def _store_log(operation: Operation, role: str) -> None:
    """Within the step of the playbook: store its log, which another machine may have to attach."""
    artifacts, what = operation.services.artifacts, f"the log of {role}"
    path = ansible.log_of(scratch_of(operation, role))
    if not artifacts.shared or not path.exists():
        return
    try:
        packed = await run_blocking(_compressed, path, timeout=READ_TIMEOUT, doing=f"reading {what}")
        await artifacts.put(operation.number, _log_name(role), packed, what)
    except RunnerError as error:  # the deploy has ended: a file that may be missing in its thread does not change how
        log.warning("operation %s: %s", operation.number, error)


def _compressed(path: Path) -> bytes:
    return zlib.compress(read_log(path).encode())


def _log_name(role: str) -> str:
    return f"log of {role}"


async def _ended(operation: Operation, play: Play, result: PlaybookResult) -> PlaybookResult:
    await _store_log(operation, play.role)
    await _record_end(operation, play.role, result)
    return operation.services.redact.within(result)


async def _job(operation: Operation, play: Play) -> PlaybookJob:
    work, settings = play.work, play.work.settings
    secret_vars = secret_vars_of(operation.services, operation.environment)
    project, installed = await prepare(operation, work)
    return PlaybookJob(
        project=project,
        playbook=work.playbook_of(play.role),
        inventory=play.role_hosts,
        limit=_limit_of(play.role_hosts),
        extra_vars=work.variables,
        secret_vars=secret_vars,
        private_key=private_key_of(operation.services, operation.environment),
        vault_password=vault_password_of(operation.services, operation.environment),
        route_secret=await route_secret_of(operation.services, operation.environment),
        tags=settings.tags,
        skip_tags=settings.skip_tags,
        scratch=scratch_of(operation, play.role),
        known_hosts=await host_keys.known_hosts(operation, work, play.role_hosts),
        check=work.scope.check,
        pipelining=settings.pipelining,
        installed=installed,
        variables=work.settings.inventory_vars_of(work.scope.environment.whole),
        root=await code_of(operation, work.commit),
        isolation=operation.services.isolation_of(operation.environment),
        children=_children(operation),
        name=run_name(play.role),
    )


def _limit_of(hosts: Inventory) -> str | None:
    """The team's own inventory has other hosts too, for variables of the playbook."""
    return ",".join(host.name for host in hosts.hosts) if hosts.source else None


def _timeout(operation: Operation) -> float:
    return operation.services.config.operations.deploy_timeout.total_seconds()


async def _record_end(operation: Operation, role: str, result: PlaybookResult) -> None:
    """Within a step: record in the audit log how the playbook ended, and on how many hosts it succeeded."""
    outcome = result.state.value if result.finished else "cut short"
    succeeded = sum(1 for host in result.hosts if host.state is State.SUCCEEDED)
    hosts = f"{succeeded} of {len(result.hosts)}"
    await annotate_once(operation, "playbook ended", machine=role, outcome=outcome, hosts=hosts)
