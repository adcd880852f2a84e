"""One machine type's playbook as part of a deploy: made from the configuration, run or found again, followed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from handlers.deploy.ansible import host_keys
from handlers.deploy.ansible.scope import private_key_of, secret_vars_of, settings_of
from handlers.shared.checkout import code_of
from runners import ansible
from runners.ansible import PlaybookJob, galaxy
from runners.results import State

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from bot.operations.operation import Operation
    from runners.errors import TimedOutError
    from runners.results import Commit, Inventory, PlaybookResult

    OnProgress = Callable[[PlaybookResult], Awaitable[None]]
    from collections.abc import Awaitable

    from runners.results import PlaybookResult


@dataclass(frozen=True, slots=True)
class Play:
    """What is run: the playbook of a machine type at a commit, on the hosts of that type. `check` changes nothing."""

    machine: str
    commit: Commit
    hosts: Inventory
    check: bool = False

    @property
    def own_hosts(self) -> Inventory:
        """The hosts of this machine type."""
        return replace(self.hosts, hosts=tuple(host for host in self.hosts.hosts if host.machine == self.machine))


async def prepare(operation: Operation, commit: Commit) -> tuple[Path, Path | None]:
    """The playbooks' directory at this commit, and where what its requirements.yml names is installed (None: nothing).

    What is there already is used. Raises RunnerError: GitHub or a galaxy does not answer, or a file is no good.
    """
    project = await code_of(operation, commit) / settings_of(operation.environment).directory
    return project, await galaxy.install(project, operation.services.workplace / "galaxy", operation.scratch / "galaxy")


async def run(operation: Operation, play: Play, on_progress: OnProgress) -> PlaybookResult:
    """Within a step: run it, once."""
    job = await _job(operation, play)
    await playbook_started(operation, play.machine, play.commit, check=play.check)
    result = await ansible.run_playbook(job, on_progress=on_progress, timeout=_timeout(operation))
    return await _ended(operation, play, result)


async def find_out(operation: Operation, play: Play, on_progress: OnProgress) -> PlaybookResult:
    """After a restart: follow it to its end, if it was begun; else run it."""
    job = await _job(operation, play)
    found = await ansible.resume_playbook(job, on_progress=on_progress, timeout=_timeout(operation))
    if found is None:
        return await run(operation, play, on_progress)
    return await _ended(operation, play, found)


async def overdue(operation: Operation, machine: str, error: TimedOutError) -> PlaybookResult | None:
    """How far a playbook came that took too long and was ended; None where it had not begun."""
    kept = await ansible.kept_result(scratch_of(operation, machine))
    if kept is None:
        return None
    hosts = tuple(replace(host, state=State.FAILED) if host.state is State.UNKNOWN else host for host in kept.hosts)
    ended = replace(kept, state=State.FAILED, hosts=hosts, finished=True, overdue=error.problem)
    await playbook_ended(operation, machine, ended)
    return ended


async def stop(operation: Operation, machine: str) -> None:
    """End it, or keep it from beginning."""
    await ansible.cancel_playbook(scratch_of(operation, machine))


def name_of(operation: Operation, machine: str) -> str:
    """The playbook of a machine type, below the directory of the playbooks."""
    environment = operation.environment
    return settings_of(environment).playbook.format(machine=machine, environment=environment.name)


def scratch_of(operation: Operation, machine: str) -> Path:
    """The directory of a machine type's run."""
    return operation.scratch / f"playbook-{machine}"


async def _ended(operation: Operation, play: Play, result: PlaybookResult) -> PlaybookResult:
    await playbook_ended(operation, play.machine, result)
    return operation.services.redact.within(result)


async def _job(operation: Operation, play: Play) -> PlaybookJob:
    settings = settings_of(operation.environment)
    secret_vars = secret_vars_of(operation.services, operation.environment)
    operation.services.redact.add(secret_vars.values())
    project, installed = await prepare(operation, play.commit)
    return PlaybookJob(
        project=project,
        playbook=name_of(operation, play.machine),
        inventory=play.own_hosts,
        limit=None,
        extra_vars={**settings.extra_vars, "signalbox_commit": play.commit.sha},
        secret_vars=secret_vars,
        private_key=private_key_of(operation.services, operation.environment),
        scratch=scratch_of(operation, play.machine),
        known_hosts=await host_keys.known_hosts(operation, play.own_hosts),
        check=play.check,
        pipelining=settings.pipelining,
        installed=installed,
    )


def _timeout(operation: Operation) -> float:
    return operation.services.config.operations.deploy_timeout.total_seconds()


async def playbook_started(operation: Operation, machine: str, commit: Commit, *, check: bool = False) -> None:
    """Within a step, before the playbook; `check` when it only looks what would change."""
    what = "playbook check started" if check else "playbook started"
    await operation.annotate(what, machine=machine, commit=commit.short)


async def playbook_ended(operation: Operation, machine: str, result: PlaybookResult) -> None:
    """Within a step: how a machine type's playbook ended, and on how many hosts it went well."""
    outcome = result.state.value if result.finished else "cut short"
    well = sum(1 for host in result.hosts if host.state is State.SUCCEEDED)
    await operation.annotate("playbook ended", machine=machine, outcome=outcome, hosts=f"{well} of {len(result.hosts)}")
