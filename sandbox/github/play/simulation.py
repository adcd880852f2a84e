"""Simulates an attempt of a run: needs, matrix, fail-fast, cancelling."""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING

from sandbox.github.expressions import expand, holds
from sandbox.github.play import players
from sandbox.github.play.stage import RunnerLostError, Stage, StepFailedError
from sandbox.github.runs import Job, Step

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sandbox.github.clock import Clock
    from sandbox.github.play.scripts import Script, Scripts
    from sandbox.github.play.stage import Player
    from sandbox.github.runs import Run
    from sandbox.github.workflow_file import JobFile, StepFile

_SET_UP, _COMPLETE = "Set up job", "Complete job"
CANCEL_TAKES = 2.0  # simulated seconds from the request until a job has ended


class Simulation:
    """An attempt of a run.

    `only` names the jobs that run again (None: all jobs). `changed` is called with the run and the job (None: the run
    itself) after each change of status.
    """

    def __init__(
        self,
        run: Run,
        *,
        clock: Clock,
        seed: str,
        scripts: Scripts,
        new_job_id: Callable[[], int],
        changed: Callable[[Run, Job | None], None],
        image_builder: Player | None = None,
        only: frozenset[str] | None = None,
    ) -> None:
        self.run = run
        self._clock = clock
        self._seed = seed
        self._scripts = scripts
        self._new_job_id = new_job_id
        self._changed = changed
        self._image_builder = image_builder
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

    async def _play(self) -> None:
        groups: dict[str, asyncio.Task[None]] = {}
        async with asyncio.TaskGroup() as tasks:
            for file in _needs_first(self.run.file.jobs):
                waits_for = [groups[key] for key in file.needs]
                groups[file.key] = tasks.create_task(self._play_group(file, waits_for))
        self.run.finished = True
        self._report(None)

    async def _play_group(self, file: JobFile, waits_for: list[asyncio.Task[None]]) -> None:
        if waits_for:
            await asyncio.wait(waits_for)
        if not file.matrix:
            self.run.broken = True
            return
        to_run = self._to_run(file)
        if not to_run:
            return
        if not self._may_run(file):
            self._add(file, {}, file.key if file.name is None else file.name).end("skipped", self._clock.now())
            self._report(self.run.jobs[-1])
            return
        slots = asyncio.Semaphore(file.max_parallel or len(file.matrix))
        jobs = [(self._add(file, matrix, name), slots) for matrix, name in to_run]
        await asyncio.gather(*(self._run_job(job, slots) for job, slots in jobs))

    def _may_run(self, file: JobFile) -> bool:
        before = [job for job in self.run.latest_jobs if job.file.key in self._all_needs(file)]
        failed = self.run.broken or any(job.conclusion not in {"success", "skipped"} for job in before)
        skipped = any(job.conclusion == "skipped" for job in before if job.file.key in file.needs)
        if self._forced or (file.condition == "success()" and skipped):
            return False
        return holds(file.condition, failed=failed, cancelled=self.run.cancelling)

    def _all_needs(self, file: JobFile) -> set[str]:
        by_key = {job.key: job for job in self.run.file.jobs}
        direct = set(file.needs)
        return direct.union(*(self._all_needs(by_key[key]) for key in direct))

    def _to_run(self, file: JobFile) -> list[tuple[Mapping[str, str], str]]:
        named = [(matrix, file.display_name(matrix, self.run.inputs)) for matrix in file.matrix]
        return [(matrix, name) for matrix, name in named if self._only is None or name in self._only]

    def _add(self, file: JobFile, matrix: Mapping[str, str], name: str) -> Job:
        names = [_SET_UP, *(self._step_name(step, matrix) for step in file.steps), _COMPLETE]
        steps = [Step(number, step) for number, step in enumerate(names, 1)]
        job = Job(
            job_id=self._new_job_id(),
            run_id=self.run.run_id,
            attempt=self.run.attempt,
            name=name,
            file=file,
            matrix=matrix,
            created_at=self._clock.now(),
            steps=steps,
        )
        self.run.jobs.append(job)
        self._report(job)
        return job

    def _step_name(self, step: StepFile, matrix: Mapping[str, str]) -> str:
        return expand(step.name, self._contexts(matrix))

    def _contexts(self, matrix: Mapping[str, str]) -> Mapping[str, Mapping[str, str]]:
        github = {"sha": self.run.commit.sha, "ref_name": self.run.branch, "actor": self.run.actor}
        return {"matrix": matrix, "inputs": self.run.inputs, "github": github}

    async def _run_job(self, job: Job, slots: asyncio.Semaphore) -> None:
        self._playing[job.job_id] = asyncio.create_task(self._in_a_slot(job, slots))
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
        if job.conclusion == "failure" and job.file.fail_fast:
            self._cancel_siblings(job)

    def _cancel_siblings(self, failed: Job) -> None:
        for job in self.run.jobs:
            if job.job_id in self._playing and job.file.key == failed.file.key:
                self._cancel_job(job.job_id)

    async def _in_a_slot(self, job: Job, slots: asyncio.Semaphore) -> None:
        async with slots:
            await self._play_job(job)

    async def _play_job(self, job: Job) -> None:
        rng = random.Random(f"{self._seed}:{self.run.number}:{job.attempt}:{job.name}")
        await self._clock.sleep(rng.uniform(0.5, 2))
        script = self._scripts.take(self.run.workflow.filename, job)
        if script is not None and script.outcome == "waiting" and not await self._is_approved(job, script):
            return
        job.start(self._clock.now())
        self._report(job)
        if script is not None and script.ignores_cancel:
            self._stubborn.add(job.job_id)
        conclusion = await self._play_steps(job, rng, script)
        job.end(conclusion, self._clock.now())
        self._report(job)

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

    async def _play_steps(self, job: Job, rng: random.Random, script: Script | None) -> str:
        failed = False
        for step, file in zip(job.steps, [None, *job.file.steps, None], strict=True):
            if file is not None and not holds(file.condition, failed=failed, cancelled=False):
                step.end("skipped", self._clock.now())
                continue
            stage = self._stage(job, step, file, rng, script)
            try:
                failed = not await self._play_step(stage, self._player(step, file)) or failed
            except RunnerLostError:
                stage.log("##[error]The hosted runner lost communication with the server.")
                step.end("failure", self._clock.now())
                return "failure"
        return "failure" if failed else "success"

    async def _play_step(self, stage: Stage, player: Player) -> bool:
        stage.step.start(self._clock.now())
        self._report(stage.job)
        try:
            await player(stage)
        except StepFailedError as error:
            stage.log(f"##[error]Process completed with exit code {error.exit_code}.")
            stage.step.end("failure", self._clock.now())
            return False
        except asyncio.CancelledError:
            if stage.job.job_id in self._cancelled:
                stage.log("##[error]The operation was canceled.")
            raise
        stage.step.end("success", self._clock.now())
        return True

    def _player(self, step: Step, file: StepFile | None) -> Player:
        if file is None:
            return players.set_up if step.name == _SET_UP else players.complete
        return players.player_of(file.uses, file.run, image_builder=self._image_builder)

    def _stage(self, job: Job, step: Step, file: StepFile | None, rng: random.Random, script: Script | None) -> Stage:
        contexts = self._contexts(job.matrix)
        written = "" if file is None else (file.uses or file.run or "").strip().splitlines()[0]
        own_script = script if script is not None and step.name == (script.step or _main_step(job)) else None
        return Stage(job, step, expand(written, contexts), self.run.commit, self._clock, rng, own_script, contexts)

    def _report(self, job: Job | None) -> None:
        self.run.updated_at = self._clock.now()
        self._changed(self.run, job)


def _main_step(job: Job) -> str:
    """The last step that runs a command: the work itself, after checkout and setup."""
    commands = [step for step, file in zip(job.steps[1:-1], job.file.steps, strict=True) if file.run is not None]
    return (commands or job.steps)[-1].name


def _needs_first(jobs: tuple[JobFile, ...]) -> list[JobFile]:
    ordered: list[JobFile] = []
    remaining = list(jobs)
    while remaining:
        ready = [job for job in remaining if set(job.needs) <= {earlier.key for earlier in ordered}]
        if not ready:
            raise ValueError(f"jobs need each other: {', '.join(job.key for job in remaining)}")
        ordered.extend(ready)
        remaining = [job for job in remaining if job not in ready]
    return ordered
