"""Follows a run in the background of an operation: its newest state, its message, and the next action."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Self

from handlers.shared.github_outage import GitHubOutage
from handlers.shared.run_stop import FORCE_AFTER
from runners.concurrency import stop_tasks
from runners.github.runs import poller
from runners.stored import stored

if TYPE_CHECKING:
    from handlers.build.followed_build import FollowedBuild
    from runners.results import Job, WorkflowRun

UPDATE_INTERVAL = 60.0  # seconds: elapsed times grow although nothing happens
OVERDUE = "the time limit"  # in place of a person who cancels
CANCEL_POLL = 1.0  # seconds


@stored("build-action")
class Action(StrEnum):
    """What an operation does next about its run."""

    READ = "read"
    CANCEL = "cancel"
    FORCE = "force"
    END = "end"


@stored("next-build-action")
@dataclass(frozen=True, slots=True)
class NextAction:
    """The next action with the run's state; the run's jobs are included only at the end.

    `job` is the job whose log is to be read, `person` the user who wants the run cancelled, or OVERDUE.
    """

    action: Action
    run: WorkflowRun
    job: Job | None = None
    person: str = ""


class Follower:
    """Use it as `async with`: while it is open, the operation's message displays the run. Nothing of it is durable.

    It polls outside of any step, so that the message is updated while a log is read.
    """

    def __init__(self, build: FollowedBuild) -> None:
        self._build = build
        self._began = build.operation.services.clock()
        self._error: Exception | None = None
        self._changed = asyncio.Event()
        self._update = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        self._build.newest = None  # it was of the attempt before
        self._tasks = [asyncio.create_task(self._poll()), asyncio.create_task(self._update_message())]
        return self

    async def __aexit__(self, *_: object) -> None:
        await stop_tasks(self._tasks)

    def update(self) -> None:
        """Update the message now, as something changed that GitHub does not report."""
        self._update.set()

    async def next(self) -> NextAction:
        """Within a step: wait until there is something to do. Raises RunnerError when GitHub cannot be read any more."""
        while True:
            if self._error:
                raise self._error
            if self._build.newest and (upcoming := await self._next_action(self._build.newest)):
                return upcoming
            self._changed.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), CANCEL_POLL)

    async def _next_action(self, run: WorkflowRun) -> NextAction | None:
        build = self._build
        services, number = build.operation.services, build.operation.number
        without_jobs = replace(run, jobs=())
        if not run.state.ended and not build.cancelled_by:
            person = await services.operations.cancel_requested(number)
            if person or self._is_overdue(run):
                return NextAction(Action.CANCEL, without_jobs, person=person or OVERDUE)
        if job := build.next_to_read(run):
            return NextAction(Action.READ, without_jobs, job=job)
        if run.state.ended:
            return NextAction(Action.END, run)
        overdue = build.cancelled_by and services.clock() > build.cancelled_at + FORCE_AFTER
        return NextAction(Action.FORCE, without_jobs) if overdue and not build.forced else None

    def _is_overdue(self, run: WorkflowRun) -> bool:
        """Whether the attempt takes too long; GitHub says only of the first when it began."""
        services = self._build.operation.services
        began = self._began if run.attempt > 1 else run.created_at.timestamp()
        return services.clock() - began > services.config.operations.build_timeout.total_seconds()

    async def _poll(self) -> None:
        build, outage = self._build, GitHubOutage(self._build.operation)
        runs = poller.watch_run(build.operation.services.github, build.repository, build.run_id, attempt=build.attempt)
        try:
            async for run in runs:
                build.newest = run
                self._changed.set()
                self._update.set()
                await outage.observe(run)
        except Exception as error:  # noqa: BLE001  -- raised by `next`, which waits for changes
            self._error = error
            self._changed.set()

    async def _update_message(self) -> None:
        async with self._build.operation.live() as live:
            while True:
                self._update.clear()
                if self._build.newest:
                    live.show(lambda: self._build.message(self._build.newest))  # type: ignore[arg-type]
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._update.wait(), UPDATE_INTERVAL)
