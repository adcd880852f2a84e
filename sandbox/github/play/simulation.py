"""Simulates an attempt of a run: needs, conditions, matrix, fail-fast, called workflows, cancelling."""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING

from sandbox.github.expressions import ExpressionError, UnknownValueError, Value, holds, resolved, truthy
from sandbox.github.play import contexts as contexts_of
from sandbox.github.play.actions import local_path, unplayable
from sandbox.github.play.called import called_scope, outputs_of
from sandbox.github.play.job_play import JobPlay, Runner, first_names
from sandbox.github.play.scope import Result, Scope, worst
from sandbox.github.play.strategy import Strategy, Turn, Variant, display_name, labels_of
from sandbox.github.runs import Job, Step
from sandbox.github.workflow_model import needs_first

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.github.clock import Clock
    from sandbox.github.play.contexts import RepositorySettings
    from sandbox.github.play.scripts import Script, Scripts
    from sandbox.github.play.stage import Player
    from sandbox.github.runs import Path, Rerun, Run
    from sandbox.github.workflow_model import JobFile

_SET_UP, _COMPLETE = "Set up job", "Complete job"
CANCEL_TAKES = 2.0  # simulated seconds from the request until a job has ended


class Simulation:
    """An attempt of a run.

    `only` are the jobs that run again (None: all jobs). `changed` is called with the run and the job (None: the run
    itself) after each change of status.
    """

    def __init__(
        self,
        run: Run,
        *,
        clock: Clock,
        settings: RepositorySettings,
        seed: str,
        scripts: Scripts,
        new_job_id: Callable[[], int],
        changed: Callable[[Run, Job | None], None],
        image_builder: Player | None = None,
        only: Rerun | None = None,
    ) -> None:
        self.run = run
        self._clock = clock
        self._seed = seed
        self._scripts = scripts
        self._new_job_id = new_job_id
        self._changed = changed
        self._settings = settings
        self._runner = Runner(clock, run.commit, settings.full_name, image_builder, self._report, self._was_cancelled)
        self._only = only
        self._playing: dict[int, asyncio.Task[None]] = {}
        self._stubborn: set[int] = set()
        self._cancelled: set[int] = set()
        self._forced = False
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Start the simulation in the background."""
        self._task = asyncio.get_running_loop().create_task(self._play())

    async def ended(self) -> None:
        """Wait for the end of the attempt."""
        if self._task is not None:
            await asyncio.wait([self._task])

    async def stop(self) -> None:
        """Stop at the stand-in's end. Raises the error of the simulation, if there was one."""
        if self._task is None:
            return
        self._task.cancel()
        await asyncio.wait([self._task])
        if not self._task.cancelled() and (error := self._task.exception()):
            raise error

    async def cancel(self, *, force: bool = False) -> None:
        """Cancel the running jobs. Jobs with `if: always()` still run afterwards, unless forced."""
        self.run.cancelling = True
        self._forced = self._forced or force
        if not force:
            await self._clock.sleep(CANCEL_TAKES)
        for job_id in list(self._playing):
            self._cancel_job(job_id)

    def _cancel_job(self, job_id: int) -> None:
        if job_id not in self._stubborn or self._forced:
            self._cancelled.add(job_id)
            self._playing[job_id].cancel()

    def _was_cancelled(self, job: Job) -> bool:
        return job.job_id in self._cancelled

    async def _play(self) -> None:
        try:
            await self._play_workflow(Scope(self.run.file, contexts_of.typed_inputs(self.run)))
        except Exception as error:  # the run ends in any case: `stop` raises it
            self.run.problems.append(f"The sandbox failed: {error!r}")
            raise
        finally:
            self.run.finished = True
            self._report(None)

    async def _play_workflow(self, scope: Scope) -> None:
        groups: dict[str, asyncio.Task[None]] = {}
        async with asyncio.TaskGroup() as tasks:
            for file in needs_first(scope.file.jobs):
                waits_for = [groups[key] for key in file.needs]
                groups[file.key] = tasks.create_task(self._play_group(scope, file, waits_for))

    async def _play_group(self, scope: Scope, file: JobFile, waits_for: list[asyncio.Task[None]]) -> None:
        if waits_for:
            await asyncio.wait(waits_for)
        self.run.needs[scope.path_of(file)] = tuple((*scope.path, key) for key in file.needs)
        try:
            scope.results[file.key] = await self._played(scope, file)
        except UnknownValueError as error:
            scope.results[file.key] = Result("failure")
            contexts = contexts_of.of_job(self.run, self._settings, scope, file)
            job = self._add(scope, file, Variant({}, file.name or file.key, contexts), 0)
            await self._run_job(Turn(job, contexts, (), [str(error)]), asyncio.Semaphore())
        except ExpressionError as error:
            self.run.problems.append(f"Error when evaluating job '{file.key}'. {error}")
            scope.results[file.key] = Result("failure")

    async def _played(self, scope: Scope, file: JobFile) -> Result:
        """Play the jobs of a key, unless they do not run; the result of all."""
        contexts = contexts_of.of_job(self.run, self._settings, scope, file)
        before = self._result(scope.path_of(file))
        again = self._has_to_run(scope, file)
        if not again and (file.uses is None or before.result == "skipped"):
            return before
        status = scope.status(file, cancelled=self.run.cancelling)
        if again and (self._forced or not holds(file.condition, contexts, status)):
            name = file.name or file.key
            if file.name is not None and "${{" not in file.name:
                name = display_name(file, "", contexts)
            self._add(scope, file, Variant({}, name, contexts), 0).end("skipped", self._clock.now())
            self._report(self.run.jobs[-1])
            return Result("skipped")
        strategy = Strategy.of(file, contexts)
        if file.uses is not None and local_path(file.uses, self._settings.full_name).startswith("./"):
            return await self._call(scope, file, strategy)
        await self._play_variants(scope, file, strategy)
        return self._result(scope.path_of(file))

    def _has_to_run(self, scope: Scope, file: JobFile) -> bool:
        """Whether any job at the path has to run in this attempt."""
        path = scope.path_of(file)
        if self._only is None or self._only.includes_all(path):
            return True
        earlier = [job for job in self.run.latest_jobs if job.path[: len(path)] == path]
        return not earlier or any(job.name in self._only.names for job in earlier)

    def _result(self, path: Path) -> Result:
        """The result of the jobs that ran at a path or were called from it."""
        jobs = [job for job in self.run.latest_jobs if job.path[: len(path)] == path]
        outputs: dict[str, Value] = {}
        for job in jobs:
            outputs |= {name: value for name, value in job.outputs.items() if value != "" or name not in outputs}
        return Result(worst("success" if job.tolerated else job.conclusion or "failure" for job in jobs), outputs)

    async def _call(self, scope: Scope, file: JobFile, strategy: Strategy) -> Result:
        """Play a workflow of the repository that a job calls, for each variant."""
        slots = asyncio.Semaphore(strategy.at_once)
        scopes = [
            called_scope(scope, file, variant, number, self.run.commit.files, repository=self._settings.full_name)
            for number, variant in enumerate(strategy.variants)
        ]

        async def play(called: Scope) -> None:
            async with slots:
                if strategy.fail_fast and any(map(_failed, scopes)):
                    return
                await self._play_workflow(called)
            if strategy.fail_fast and _failed(called):
                self._cancel_siblings(scope.path_of(file))

        await asyncio.gather(*map(play, scopes))
        outputs: dict[str, Value] = {}
        for called, variant in zip(scopes, strategy.variants, strict=True):
            outputs |= outputs_of(called, variant.contexts)
        return Result(worst(end.result for called in scopes for end in called.results.values()), outputs)

    async def _play_variants(self, scope: Scope, file: JobFile, strategy: Strategy) -> None:
        slots = asyncio.Semaphore(strategy.at_once)
        path = scope.path_of(file)
        refused = unplayable(file, self.run.commit.files, self._settings)
        turns = []
        for number, variant in enumerate(strategy.variants):
            if self._only is None or self._only.includes(path, scope.prefix + variant.name):
                job = self._add(scope, file, variant, number)
                environments = (scope.file.env, file.env)
                turns.append(Turn(job, variant.contexts, environments, refused, fail_fast=strategy.fail_fast))
        await asyncio.gather(*(self._run_job(turn, slots) for turn in turns))

    def _add(self, scope: Scope, file: JobFile, variant: Variant, number: int) -> Job:
        names = [_SET_UP, *first_names(file.steps, variant.contexts), _COMPLETE]
        job = Job(
            job_id=self._new_job_id(),
            run_id=self.run.run_id,
            attempt=self.run.attempt,
            name=scope.prefix + variant.name,
            file=file,
            matrix=variant.matrix,
            created_at=self._clock.now(),
            steps=[Step(number, step) for number, step in enumerate(names, 1)],
            path=scope.path_of(file),
            number=number,
            labels=labels_of(file, variant.contexts),
        )
        self.run.jobs.append(job)
        self._report(job)
        return job

    async def _run_job(self, turn: Turn, slots: asyncio.Semaphore) -> None:
        job = turn.job
        self._playing[job.job_id] = asyncio.create_task(self._in_a_slot(turn, slots))
        task = self._playing[job.job_id]
        try:
            await asyncio.wait([task])
        finally:
            task.cancel()
            del self._playing[job.job_id]
        if task.cancelled():
            job.end("cancelled", self._clock.now())
            self._report(job)
        elif error := task.exception():
            raise error
        if job.conclusion == "failure" and turn.fail_fast and not job.tolerated:
            self._cancel_siblings(job.path)

    def _cancel_siblings(self, path: Path) -> None:
        for job in self.run.jobs:
            if job.job_id in self._playing and job.path[: len(path)] == path:
                self._cancel_job(job.job_id)

    async def _in_a_slot(self, turn: Turn, slots: asyncio.Semaphore) -> None:
        async with slots:
            await self._play_job(turn)

    async def _play_job(self, turn: Turn) -> None:
        job = turn.job
        rng = random.Random(f"{self._seed}:{self.run.number}:{job.attempt}:{job.name}")
        await self._clock.sleep(rng.uniform(0.5, 2))
        script = self._scripts.take(self.run.workflow.filename, job)
        if script is not None and script.outcome == "waiting" and not await self._is_approved(job, script):
            return
        job.start(self._clock.now())
        self._report(job)
        if script is not None and script.ignores_cancel:
            self._stubborn.add(job.job_id)
        play = JobPlay(self._runner, job, turn.contexts, turn.environments, rng)
        conclusion = await play.play(script, turn.refused)
        job.outputs = {**job.outputs, **self._given_outputs(job)}
        job.tolerated = conclusion == "failure" and truthy(resolved(job.file.continue_on_error, turn.contexts))
        job.end(conclusion, self._clock.now())
        self._report(job)

    def _given_outputs(self, job: Job) -> dict[str, Value]:
        workflow = self.run.workflow.filename
        return {
            name: value
            for (file, key, name), value in self._settings.outputs.items()
            if (file, key) == (workflow, job.file.key)
        }

    async def _is_approved(self, job: Job, script: Script) -> bool:
        """Wait for the approval of the job's environment; a rejected job fails."""
        job.status, job.environment, job.reviewers = "waiting", script.environment, script.reviewers
        self._report(job)
        if script.hold is not None:
            await script.hold.released()
        if script.hold is not None and script.hold.outcome == "failure":
            job.end("failure", self._clock.now())
            self._report(job)
            return False
        return True

    def _report(self, job: Job | None) -> None:
        self.run.updated_at = self._clock.now()
        self._changed(self.run, job)


def _failed(scope: Scope) -> bool:
    return worst(end.result for end in scope.results.values()) == "failure"
