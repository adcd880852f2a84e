"""The logs that an operation has: of the jobs of its run on GitHub, and of its playbooks while they run and after."""

from __future__ import annotations

import secrets
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.config.targets import without_lane
from bot.operations.operation import Operation
from handlers.shared.ansible import playbooks
from handlers.shared.log_reading import NO_LOG, end_of
from runners.concurrency import run_blocking
from runners.github.runs.listing import run_with_jobs
from runners.github.runs.logs import download_job_log
from runners.removal import remove_tree_if_possible
from runners.results import PlaybookResult, State

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
    from pathlib import Path

    from bot.services import Services
    from bot.store.operations import Record
    from runners.results import Job, WorkflowRun

READ_TIMEOUT = 60.0


@dataclass(frozen=True, slots=True)
class LogSource:
    """A log: its name (a job, a role), its state in a word, a URL or "", and how it is read. `read` gives "" where there is none.

    `hosts` are those whose lines are in it.
    """

    name: str
    state: str
    url: str
    read: Callable[[], Awaitable[str]]
    failed: bool = False
    hosts: tuple[str, ...] = ()


async def sources_of(services: Services, record: Record) -> tuple[LogSource, ...]:
    """The logs of an operation, those that failed first. Raises RunnerError where GitHub does not answer."""
    sources = [*await _playbooks(services, record), *await _jobs(services, record)]
    return tuple(sorted(sources, key=lambda source: not source.failed))


async def _jobs(services: Services, record: Record) -> Sequence[LogSource]:
    run_id = await services.run_claims.run_of(record.number)
    if run_id is None:
        return ()
    environment = services.config.environments.get(without_lane(record.environment))
    repository = services.config.repository_of(environment) if environment else services.config.github.repository
    run = await run_with_jobs(services.github, repository, run_id)
    return of_run(services, run) if run else ()


def of_run(services: Services, run: WorkflowRun) -> Sequence[LogSource]:
    """The logs of the jobs of a run that have ended."""
    return [_job_source(services, run.repository, job) for job in run.jobs if job.state.ended and job.started_at]


def _job_source(services: Services, repository: str, job: Job) -> LogSource:
    async def read() -> str:
        async with _place(services) as directory:
            download = await download_job_log(services.github, repository, job.job_id, directory / "log")
            if download is None:
                return ""
            return await run_blocking(end_of, download.path, timeout=READ_TIMEOUT, doing="reading a log")

    return LogSource(job.name, job.state.value, job.url, read, failed=job.state is State.FAILED)


async def _playbooks(services: Services, record: Record) -> Sequence[LogSource]:
    results = await _results(services, record)
    if results:
        return [_result_source(result) for result in results]
    operation = Operation(services, record)
    roles = await run_blocking(_begun_roles, operation.scratch, timeout=READ_TIMEOUT, doing="looking for logs")
    return [_running_source(operation, role) for role in roles]


async def _results(services: Services, record: Record) -> Sequence[PlaybookResult]:
    """What the engine keeps of the playbooks that have ended."""
    environment = services.config.environments.get(without_lane(record.environment))
    roles = environment.machines if environment else ()
    names = ["playbooks", *(f"playbook {role}" for role in roles)]  # the steps of Rollout.play
    stored = [await services.engine.result(record.number, name, tuple) for name in names]
    return [each for results in stored for each in results or () if isinstance(each, PlaybookResult)]


def _result_source(result: PlaybookResult) -> LogSource:
    async def read() -> str:
        failures = [f"{each.host}: {each.task} ({each.path})\n{each.output}\n" for each in result.failures]
        return "\n".join([*failures, result.log_tail])

    hosts = tuple(host.host for host in result.hosts)
    return LogSource(result.playbook, result.state.value, "", read, failed=result.state is State.FAILED, hosts=hosts)


def _running_source(operation: Operation, role: str) -> LogSource:
    return LogSource(role, "running", "", lambda: playbooks.log_text(operation, role))


def _begun_roles(scratch: Path) -> list[str]:
    prefix = playbooks.run_name("")
    return sorted(path.name.removeprefix(prefix) for path in scratch.glob(f"{prefix}*") if path.is_dir())


@asynccontextmanager
async def _place(services: Services) -> AsyncIterator[Path]:
    """A directory for the time of the block. Its name is no operation's: the next start deletes it after a kill."""
    directory = services.workplace / "operations" / f"look-{secrets.token_hex(8)}"

    def make() -> None:
        directory.mkdir(mode=0o700, parents=True)

    await run_blocking(make, timeout=READ_TIMEOUT, doing="making a directory")
    try:
        yield directory
    finally:
        await run_blocking(remove_tree_if_possible, directory, timeout=READ_TIMEOUT, doing="removing a directory")


__all__ = ["NO_LOG", "LogSource", "of_run", "sources_of"]
