"""The start of a workflow, and the search for the run that it started: only a run that is certainly ours is claimed."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bot.errors import Denied, UserError
from runners.errors import RunnerError, UnavailableError, UncertainError
from runners.github import commits
from runners.github.runs import dispatch
from runners.results import WorkflowRun  # noqa: TC001  -- the engine reads the field's type
from runners.stored import stored

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bot.operations.operation import Operation
    from runners.results import Commit

# Seconds until a dispatched run appears in GitHub's lists, which were observed to lag by a few.
APPEARS_WITHIN = 20.0
PAUSE = 2.0
# Seconds in which another operation's request for the same workflow holds ours back: then both runs would look alike.
TURN_WITHIN = 30.0
# Seconds in which a run of another operation's request, whose answer was lost, may still appear.
RIVAL_FOR = 600.0


@dataclass(frozen=True, slots=True)
class Dispatch:
    """A workflow (its file's name) to be started at the ref of `commit`.

    `command` is what people type to try again. `moved_on`, when not empty, ends the sentence that refuses to start
    because the ref now names another commit; without it the workflow starts at whichever commit the ref names.
    `mark_input` is the workflow's input for the operation's mark.
    """

    repository: str
    workflow: str
    commit: Commit
    command: str
    inputs: Mapping[str, str] = field(default_factory=dict)
    moved_on: str = ""
    mark_input: str = ""

    @property
    def full_ref(self) -> str:
        """The ref to start at: by its full name, so that no tag with the name of a branch takes its place."""
        return self.commit.full_name or self.commit.ref

    @property
    def key(self) -> str:
        """The same for dispatches whose runs look alike."""
        return f"{self.repository} {self.workflow} {self.commit.ref}"


@stored("unclear-runs")
@dataclass(frozen=True, slots=True)
class UnclearRuns:
    """The runs that may be the operation's; which of them it is cannot be determined."""

    runs: tuple[WorkflowRun, ...]


class RunSearch:
    """Starts a workflow for an operation and finds its run, which is newer than the run `newest`.

    With `marked` the run shows the operation's mark, and no run without it is ours. Without it, a run is ours if it is
    the only one, and no other operation waits for a run of the same workflow.
    """

    def __init__(self, operation: Operation, wanted: Dispatch, newest: int, *, marked: bool) -> None:
        self._operation = operation
        self._wanted = wanted
        self._newest = newest
        self._claims = operation.services.run_claims
        # The time distinguishes it from an operation of the same number in another database.
        self._mark = f"signalbox-{operation.number}-{int(operation.record.created_at)}" if wanted.mark_input else ""
        self._shown_mark = self._mark if marked else ""
        self._only: int | None = None

    @property
    def wanted(self) -> Dispatch:
        """What was to be started."""
        return self._wanted

    @property
    def unshown_mark(self) -> str:
        """The workflow's input for the mark, where GitHub does not show it; else empty."""
        return "" if self._shown_mark else self._wanted.mark_input

    async def start(self) -> int | UnclearRuns:
        """Within a step: start the workflow and claim its run. Raises UserError and RunnerError when it is not started."""
        wanted, github = self._wanted, self._operation.services.github
        await self._take_turn()
        await self._check_authorized()
        inputs = {**wanted.inputs, **({wanted.mark_input: self._mark} if self._mark else {})}
        try:
            started = await dispatch.dispatch(github, wanted.repository, wanted.workflow, wanted.full_ref, inputs)
        except UncertainError:
            # GitHub may have started it nevertheless; only its list of runs shows that.
            return await self._find("GitHub's answer did not come through")
        except RunnerError:
            await self._claims.drop_dispatch(self._operation.number)
            raise
        if started and await self.claim(started):
            return started
        return await self._find("GitHub took the request without naming the run")

    async def recover(self) -> int | UnclearRuns:
        """Within a step, after the bot stopped around the start: the run may be claimed, or started, or never requested.

        A request that may have been sent is never sent again.
        """
        number = self._operation.number
        if claimed := await self._claims.run_of(number):
            return claimed
        if not await self._claims.was_dispatched(number):
            return await self.start()
        return await self._find("Signalbox was stopped at that moment")

    async def _check_authorized(self) -> None:
        try:
            await self._operation.check_authorized("dispatch")
        except Denied:
            await self._claims.drop_dispatch(self._operation.number)
            raise

    async def _take_turn(self) -> None:
        """Wait, for a limited time, until no other operation waits for a run that would look like ours."""
        loop, clock = asyncio.get_running_loop(), self._operation.services.clock
        end = loop.time() + TURN_WITHIN
        while True:
            if self._wanted.moved_on:
                await self._check_not_moved()
            alone = None if self._shown_mark or loop.time() >= end else clock() - TURN_WITHIN
            if await self._claims.begin_dispatch(self._operation.number, self._wanted.key, alone_since=alone):
                return
            await asyncio.sleep(PAUSE)

    async def _check_not_moved(self) -> None:
        wanted, then = self._wanted, self._wanted.commit
        now = await commits.resolve(self._operation.services.github, wanted.repository, then.ref)
        if now.sha != then.sha:
            raise UserError(
                f"{then.ref} has moved on from {then.short} to {now.short} since this was asked for, {wanted.moved_on}"
            )

    async def _find(self, why: str) -> int | UnclearRuns:
        loop = asyncio.get_running_loop()
        end = loop.time() + APPEARS_WITHIN
        while True:
            try:
                runs = await self.candidates()
            except UnavailableError as error:
                raise self.uncertain(why, f"its runs cannot be read ({error.problem})") from error
            if run_id := await self.claim_if_certain(runs):
                return run_id
            if loop.time() >= end:
                break
            await asyncio.sleep(PAUSE)
        if not runs:
            raise self.uncertain(why, "no run of it has appeared")
        return UnclearRuns(tuple(runs))

    async def candidates(self) -> Sequence[WorkflowRun]:
        """The runs that may be ours and belong to no operation. Raises RunnerError."""
        wanted = self._wanted
        runs = await dispatch.started_runs(
            self._operation.services.github,
            wanted.repository,
            wanted.workflow,
            ref=wanted.commit.ref,
            head_sha=wanted.commit.sha,
            after_run_id=self._newest,
            mark=self._shown_mark,
        )
        claimed = await self._claims.claimed_runs([run.run_id for run in runs])
        return [run for run in runs if run.run_id not in claimed]

    async def claim_if_certain(self, runs: Sequence[WorkflowRun]) -> int | None:
        """The run, claimed, if it is certainly ours. Without a mark it has to be the only one twice in a row."""
        only = runs[0].run_id if len(runs) == 1 else None
        twice, self._only = only is not None and only == self._only, only
        if only is None or not (self._shown_mark or (twice and not await self._rivals())):
            return None
        return only if await self.claim(only) else None

    async def _rivals(self) -> int:
        since = self._operation.services.clock() - RIVAL_FOR
        return await self._claims.rivals(self._operation.number, self._wanted.key, since)

    async def claim(self, run_id: int) -> bool:
        """Make this run the operation's; false when it belongs to another operation."""
        operation, commit = self._operation, self._wanted.commit
        if not await self._claims.claim(operation.number, run_id):
            return False
        url = run_url(commit, run_id)
        workflow = self._wanted.workflow
        await operation.annotate("dispatched", workflow=workflow, run=str(run_id), url=url, commit=commit.sha)
        return True

    def uncertain(self, why: str, then: str) -> UncertainError:
        """The error for a start of which nobody knows whether it happened."""
        remedy = (
            f"Look at the repository's Actions page before you run {self._wanted.command} again: it may still start."
        )
        return UncertainError(f"starting {self._wanted.workflow}", f"{why}, and {then}", remedy=remedy)


def run_url(commit: Commit, run_id: int) -> str:
    """The page of a run in the commit's repository."""
    repository_url, _, _ = commit.url.partition("/commit/")
    return f"{repository_url}/actions/runs/{run_id}"
