"""Following a run in the background of an operation: its newest state, its board, and what is to be done next."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Self

from handlers.shared.github_outage import GitHubOutage
from runners.github.runs import poller
from runners.stored import stored

if TYPE_CHECKING:
    from handlers.build.progress import Progress
    from runners.results import Job, WorkflowRun

DRAW_EVERY = 60.0  # seconds: elapsed times grow although nothing happens
LOOK_EVERY = 1.0  # whether somebody pressed Cancel
# A job gets 10 s to stop, and `if: always()` steps run on after that; most are over well within this.
FORCE_AFTER = 120.0


@stored("build-event-kind")
class What(StrEnum):
    """What an operation does next about its run."""

    READ = "read"
    CANCEL = "cancel"
    FORCE = "force"
    END = "end"


@stored("build-event")
@dataclass(frozen=True, slots=True)
class Next:
    """The run as it stands, with its jobs at the end only; `job` is the one to read, `person` who wants it cancelled."""

    what: What
    run: WorkflowRun
    job: Job | None = None
    person: str = ""


class Follower:
    """Use it as `async with`: while it is open the operation's message shows the run. Nothing of it is durable.

    It watches outside of any step, so that the board lives on while a log is read.
    """

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._error: Exception | None = None
        self._news = asyncio.Event()
        self._draw = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        self._progress.seen = None  # of the attempt before
        self._tasks = [asyncio.create_task(self._watch()), asyncio.create_task(self._show())]
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        for task in self._tasks:
            with suppress(asyncio.CancelledError):
                await task

    def draw(self) -> None:
        """Something was learnt of a job: show it."""
        self._draw.set()

    async def next(self) -> Next:
        """Within a step: wait until there is something to do. Raises RunnerError when GitHub tells nothing any more."""
        while True:
            if self._error:
                raise self._error
            if self._progress.seen and (found := await self._found(self._progress.seen)):
                return found
            self._news.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._news.wait(), LOOK_EVERY)

    async def _found(self, run: WorkflowRun) -> Next | None:
        progress = self._progress
        services, number = progress.operation.services, progress.operation.number
        bare = replace(run, jobs=())
        if not run.state.ended and not progress.cancelled_by:
            person = await services.operations.cancel_requested(number)
            if person:
                return Next(What.CANCEL, bare, person=person)
        if job := progress.unread(run):
            return Next(What.READ, bare, job=job)
        if run.state.ended:
            return Next(What.END, run)
        overdue = progress.cancelled_by and services.clock() > progress.cancelled_at + FORCE_AFTER
        return Next(What.FORCE, bare) if overdue and not progress.forced else None

    async def _watch(self) -> None:
        progress, silent = self._progress, GitHubOutage(self._progress.operation)
        runs = poller.watch_run(
            progress.operation.services.github, progress.repository, progress.run_id, attempt=progress.attempt
        )
        try:
            async for run in runs:
                progress.seen = run
                self._news.set()
                self._draw.set()
                await silent.observe(run)
        except Exception as error:  # noqa: BLE001  -- raised where somebody waits for news
            self._error = error
            self._news.set()

    async def _show(self) -> None:
        async with self._progress.operation.live() as live:
            while True:
                self._draw.clear()
                if self._progress.seen:
                    live.show(lambda: self._progress.draw(self._progress.seen))  # type: ignore[arg-type]
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._draw.wait(), DRAW_EVERY)
